using System;
using System.Linq;

namespace Psbridge.Pwsh;

/// <summary>
/// One parameter of the program, and how short it may be written. The order is the native one: it
/// decides which parameter an ambiguous prefix means (<c>-s</c> is -ServerMode, <c>-i</c> -Interactive).
/// </summary>
internal sealed record Switch(string Name, string Shortest)
{
    private static readonly Switch[] s_all =
    [
        new("version", "v"),
        new("help", "h"),
        new("?", "?"),
        new("login", "l"),
        new("noexit", "noe"),
        new("noprofile", "nop"),
        new("nologo", "nol"),
        new("noninteractive", "noni"),
        new("socketservermode", "so"),
        new("servermode", "s"),
        new("namedpipeservermode", "nam"),
        new("sshservermode", "sshs"),
        new("noprofileloadtime", "noprofileloadtime"),
        new("interactive", "i"),
        new("configurationfile", "configurationfile"),
        new("configurationname", "config"),
        new("custompipename", "cus"),
        new("commandwithargs", "commandwithargs"),
        new("cwa", "cwa"),
        new("command", "c"),
        new("windowstyle", "w"),
        new("file", "f"),
        new("outputformat", "o"),
        new("of", "of"),
        new("inputformat", "inp"),
        new("if", "if"),
        new("executionpolicy", "ex"),
        new("ep", "ep"),
        new("encodedcommand", "e"),
        new("ec", "ec"),
        new("encodedarguments", "encodeda"),
        new("ea", "ea"),
        new("settingsfile", "settings"),
        new("sta", "sta"),
        new("mta", "mta"),
        new("workingdirectory", "wo"),
        new("wd", "wd"),
    ];

    /// <summary>The parameter that <c>-word</c>, <c>--word</c> or <c>/word</c> means, if any.</summary>
    internal static Switch? Find(string argument)
    {
        bool dash = IsDash(argument[0]);
        if (!dash && argument[0] != '/')
        {
            return null;
        }

        int start = dash && argument.Length > 1 && argument[1] == argument[0] ? 2 : 1;
        string key = argument[start..];
        return Array.Find(
            s_all,
            known => key.Length >= known.Shortest.Length
                && known.Name.StartsWith(key, StringComparison.OrdinalIgnoreCase));
    }

    /// <summary>The full names that contain a word, to offer them when it is not understood.</summary>
    internal static string[] Containing(string word) =>
        s_all.Select(known => known.Name)
            .Where(name => name.Length > 2 && name.Contains(word, StringComparison.OrdinalIgnoreCase))
            .ToArray();

    /// <summary>PowerShell takes typographic dashes for dashes, since word processors make them.</summary>
    internal static bool IsDash(char c) => c is '-' or '\u2013' or '\u2014' or '\u2015';
}
