using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation;

namespace PSBridge;

/// <summary>What a job has written, as one line of text.</summary>
/// <remarks>
/// It is for those who look on, several times a second: nothing long is made of it, nothing that needs
/// a runspace, and no code of Python's is called.
/// </remarks>
internal static class LastLine
{
    private const int MostCharacters = 1000;
    private const int MostEntries = 8;

    /// <summary>The last line of something, without its end; null where there is none.</summary>
    internal static string? Of(object? written)
    {
        try
        {
            return TextOf(written, depth: 0) is { } text ? EndOf(text) : null;
        }
        catch (Exception)
        {
            // A ToString of somebody else's, or a table that changes meanwhile.
            return (written is PSObject wrapped ? wrapped.BaseObject : written)?.GetType().Name;
        }
    }

    private static string? TextOf(object? written, int depth)
    {
        object? value = written is PSObject wrapped ? wrapped.BaseObject : written;
        return value switch
        {
            null => null,
            string text => text,
            ErrorRecord error => error.ErrorDetails?.Message ?? error.Exception?.Message,
            InformationalRecord message => message.Message,
            InformationRecord information => TextOf(information.MessageData, depth),
            HostInformationMessage shown => shown.Message,
            PSCustomObject when depth == 0 => Entries(
                ((PSObject)written!).Properties.Take(MostEntries + 1)
                    .Where(property => property is PSNoteProperty)
                    .Select(property => (property.Name, (object?)property.Value))),
            IDictionary table when depth == 0 => Entries(
                table.Keys.Cast<object>().Take(MostEntries + 1)
                    .Select(key => (TextOf(key, 1) ?? "", table[key]))),
            IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
            ICollection many => $"{value.GetType().Name} ({many.Count})",
            IEnumerable => value.GetType().Name,
            _ when value.GetType().Namespace == "Python.Runtime" => value.GetType().Name,
            _ => value.ToString(),
        };
    }

    private static string Entries(IEnumerable<(string Name, object? Value)> entries)
    {
        string[] shown = [.. entries.Select(entry => $"{entry.Name}={EndOf(TextOf(entry.Value, 1) ?? "")}")];
        return "@{" + string.Join("; ", shown.Take(MostEntries)) + (shown.Length > MostEntries ? "; ..." : "") + "}";
    }

    private static string EndOf(string text)
    {
        // What follows the last line is nothing but white space, and may be long.
        int end = text.Length;
        while (end > 0 && char.IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        int begin = end == 0 ? 0 : text.LastIndexOfAny(['\n', '\r'], end - 1) + 1;
        return text.Substring(begin, Math.Min(end - begin, MostCharacters));
    }
}
