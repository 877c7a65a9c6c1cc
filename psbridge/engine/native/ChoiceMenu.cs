using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation.Host;
using System.Text;

namespace PSBridge;

/// <summary>The choices of a question: their keys, how they are shown and recognized.</summary>
internal sealed class ChoiceMenu(IEnumerable<ChoiceDescription> choices)
{
    private readonly List<(string Key, string Label, string Help)> _choices = choices.Select(Read).ToList();

    /// <summary>One line for each choice.</summary>
    internal string Help =>
        string.Concat(_choices.Select(one => $"{(one.Key.Length > 0 ? one.Key : one.Label)} - {one.Help}\n"));

    /// <summary>The choices on one line, with what is chosen by an empty answer.</summary>
    internal string Show(int[] defaults)
    {
        var line = new StringBuilder();
        for (int at = 0; at < _choices.Count; at++)
        {
            string colour = defaults.Contains(at) ? "\u001b[93m" : "\u001b[97m";
            line.Append($"{colour}[{_choices[at].Key}] {_choices[at].Label}\u001b[0m  ");
        }

        line.Append("[?] Help");
        if (defaults.Length > 0)
        {
            IEnumerable<string> names = defaults.Select(
                at => _choices[at].Key.Length > 0 ? _choices[at].Key : _choices[at].Label);
            string verb = defaults.Length == 1 ? "default is" : "default choices are";
            line.Append($" ({verb} \"{string.Join(",", names)}\")");
        }

        return line.ToString();
    }

    /// <summary>The choice that an answer names by its whole label or its key.</summary>
    internal int? Find(string answer)
    {
        int found = _choices.FindIndex(one => Same(one.Label, answer));
        if (found < 0 && answer.Length > 0)
        {
            found = _choices.FindIndex(one => Same(one.Key, answer));
        }

        return found < 0 ? null : found;
    }

    /// <summary>A label without the mark of its key.</summary>
    internal static string LabelOf(ChoiceDescription choice) => Read(choice).Label;

    private static bool Same(string one, string other) =>
        one.Equals(other, StringComparison.CurrentCultureIgnoreCase);

    /// <summary>In a label such as <c>&amp;Yes</c> the character behind the mark is the key.</summary>
    private static (string Key, string Label, string Help) Read(ChoiceDescription choice)
    {
        int mark = choice.Label.IndexOf('&');
        string key = mark >= 0 && mark + 1 < choice.Label.Length
            ? choice.Label.Substring(mark + 1, 1).Trim().ToUpperInvariant()
            : "";
        return (key, mark >= 0 ? choice.Label.Remove(mark, 1).Trim() : choice.Label, choice.HelpMessage);
    }
}
