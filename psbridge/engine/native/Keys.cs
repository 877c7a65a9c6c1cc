using System;
using System.Collections.Generic;
using System.Management.Automation.Host;

namespace PSBridge;

/// <summary>What a terminal sends for a key, as Windows would name the key.</summary>
internal static class Keys
{
    private static readonly Dictionary<string, ConsoleKey> s_sequences = new()
    {
        ["[A"] = ConsoleKey.UpArrow, ["[B"] = ConsoleKey.DownArrow,
        ["[C"] = ConsoleKey.RightArrow, ["[D"] = ConsoleKey.LeftArrow,
        ["[H"] = ConsoleKey.Home, ["[F"] = ConsoleKey.End, ["[1~"] = ConsoleKey.Home, ["[4~"] = ConsoleKey.End,
        ["[2~"] = ConsoleKey.Insert, ["[3~"] = ConsoleKey.Delete,
        ["[5~"] = ConsoleKey.PageUp, ["[6~"] = ConsoleKey.PageDown,
        ["OP"] = ConsoleKey.F1, ["OQ"] = ConsoleKey.F2, ["OR"] = ConsoleKey.F3, ["OS"] = ConsoleKey.F4,
        ["[15~"] = ConsoleKey.F5, ["[17~"] = ConsoleKey.F6, ["[18~"] = ConsoleKey.F7, ["[19~"] = ConsoleKey.F8,
        ["[20~"] = ConsoleKey.F9, ["[21~"] = ConsoleKey.F10, ["[23~"] = ConsoleKey.F11, ["[24~"] = ConsoleKey.F12,
    };

    /// <summary>The key behind what was typed: a character, or a sequence that begins with Escape.</summary>
    internal static KeyInfo Read(string typed)
    {
        if (typed.Length > 1 && typed[0] == '\u001b')
        {
            // In application mode the arrows come with an O.
            string rest = typed[1] == 'O' && typed[^1] is >= 'A' and <= 'H' ? $"[{typed[2..]}" : typed[1..];
            return s_sequences.TryGetValue(rest, out ConsoleKey named)
                ? new KeyInfo((int)named, '\0', default, keyDown: true)
                : new KeyInfo((int)ConsoleKey.Escape, '\u001b', default, keyDown: true);
        }

        char character = typed.Length > 0 ? typed[0] : '\0';
        return new KeyInfo((int)KeyOf(character), character, default, keyDown: true);
    }

    private static ConsoleKey KeyOf(char character) => char.ToUpperInvariant(character) switch
    {
        '\r' or '\n' => ConsoleKey.Enter,
        '\t' => ConsoleKey.Tab,
        '\u001b' => ConsoleKey.Escape,
        '\b' or '\u007f' => ConsoleKey.Backspace,
        ' ' => ConsoleKey.Spacebar,
        >= '\u0001' and <= '\u001a' => ConsoleKey.A + character - 1, // with Ctrl
        (>= 'A' and <= 'Z') or (>= '0' and <= '9') => (ConsoleKey)char.ToUpperInvariant(character),
        _ => default,
    };
}
