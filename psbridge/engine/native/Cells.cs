using System.Management.Automation.Internal;

namespace PSBridge;

/// <summary>How many cells of a terminal text takes, by the table of PowerShell's own host.</summary>
/// <remarks>
/// As there, each UTF-16 character is looked at by itself: an emoji is a pair of them and takes two
/// cells, a combining character takes one. The formatter sizes columns with this and pads with it,
/// so to be better by half here would make tables worse.
/// </remarks>
internal static class Cells
{
    internal static int Of(string text, int offset)
    {
        if (text.Contains('\u001b'))
        {
            text = new StringDecorated(text).ToString(System.Management.Automation.OutputRendering.PlainText);
        }

        int cells = 0;
        for (; offset < text.Length; offset++)
        {
            cells += Of(text[offset]);
        }

        return cells;
    }

    internal static int Of(char character) => IsWide(character) ? 2 : 1;

    private static bool IsWide(char c) =>
        c >= '\u1100'
        && c is <= '\u115f' // Hangul Jamo
            or '\u2329' or '\u232a'
            or (>= '\u2e80' and <= '\ua4cf' and not '\u303f') // CJK to Yi
            or (>= '\uac00' and <= '\ud7a3') // Hangul syllables
            or (>= '\uf900' and <= '\ufaff') // CJK compatibility ideographs
            or (>= '\ufe10' and <= '\ufe19') // vertical forms
            or (>= '\ufe30' and <= '\ufe6f') // CJK compatibility forms
            or (>= '\uff00' and <= '\uff60') // fullwidth forms
            or (>= '\uffe0' and <= '\uffe6');
}
