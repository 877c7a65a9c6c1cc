using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Threading.Tasks;

namespace PSBridge;

/// <summary>An object in one line.</summary>
internal static class ObjectSummary
{
    internal static string NameOf(PSObject item)
    {
        string name = item.TypeNames.FirstOrDefault() ?? "";
        Type type = item.BaseObject.GetType();
        if (name == type.FullName || name.Contains('['))
        {
            return type.Name.Split('`')[0];
        }

        const string Deserialized = "Deserialized.";
        return name.StartsWith(Deserialized, StringComparison.Ordinal)
            ? Deserialized + LastPart(name)
            : LastPart(name);
    }

    // "System.Diagnostics.Process#IncludeUserName" is a Process.
    private static string LastPart(string name) => name.Split('#')[0].Split('.', '+')[^1];

    internal static void Read(PSObject item, int most, Runspace? session, List<object?> found)
    {
        object bare = item.BaseObject;
        string[] names = DisplaySet(item);
        bool isChosen = names.Length > 0;
        if (!isChosen && bare is not PSCustomObject && HasText(bare.GetType()))
        {
            Add(found, bare is Exception error ? error.Message : bare.ToString());
            return;
        }

        IEnumerable<PSPropertyInfo?> properties = isChosen
            ? names.Select(name => item.Properties[name])
            : bare is Task ? [] : item.Properties;
        bool isFromElsewhere = item.Properties[RemotingNotes.Mark] is not null;
        int left = isChosen ? names.Length : most;
        foreach (PSPropertyInfo? property in properties)
        {
            if (property is null || (isFromElsewhere && RemotingNotes.Are(property.Name)))
            {
                continue;
            }

            PSPropertyInfo? source = property is PSAliasProperty alias
                ? item.Properties[alias.ReferencedMemberName]
                : property;
            // What is a session's affair would wait for what runs there, which may be waiting for this.
            bool isScript = isChosen && source is PSScriptProperty script
                && ScriptMembers.RunsAnywhere(item, script, session);
            if (!isScript && (source is not (PSNoteProperty or PSProperty or PSCodeProperty)
                || (source is PSProperty && !IsSimple(source.TypeNameOfValue))))
            {
                continue;
            }

            if (left-- == 0)
            {
                Add(found, "…", null);
                return;
            }

            try
            {
                object? shown = isScript ? ObjectView.Outside(() => source.Value) : source.Value;
                if (shown is { } value && (IsSimple(PSObject.AsPSObject(value).BaseObject.GetType().FullName!)
                    || value is Enum))
                {
                    Add(found, property.Name, value);
                    continue;
                }
            }
            catch (Exception)
            {
                // It is not shown.
            }

            left++;
        }
    }

    private static void Add(List<object?> found, params object?[] more)
    {
        lock (found)
        {
            found.AddRange(more);
        }
    }

    internal static string[] DisplaySet(PSObject item)
    {
        try
        {
            return item.Members["PSStandardMembers"]?.Value is PSMemberSet standard
                && standard.Members["DefaultDisplayPropertySet"] is PSPropertySet set
                ? [.. set.ReferencedPropertyNames]
                : [];
        }
        catch (Exception)
        {
            return [];
        }
    }

    private static bool HasText(Type type) =>
        type.GetMethod(nameof(ToString), Type.EmptyTypes)?.DeclaringType is { } owner
        && owner != typeof(object) && owner != typeof(ValueType) && owner != typeof(MarshalByRefObject);

    private static bool IsSimple(string typeName) => s_simple.Contains(typeName)
        || (Type.GetType(typeName) is { IsEnum: true });

    private static readonly HashSet<string> s_simple =
    [
        .. new[]
        {
            typeof(string), typeof(bool), typeof(char), typeof(byte), typeof(sbyte), typeof(short),
            typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong), typeof(float),
            typeof(double), typeof(decimal), typeof(DateTime), typeof(DateTimeOffset), typeof(TimeSpan),
            typeof(Guid), typeof(Version),
        }.Select(type => type.FullName!),
    ];
}
