using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation.Host;

namespace Psbridge.Pwsh;

/// <summary>The choices of a question: their letters, how they are shown and recognized.</summary>
internal sealed class ChoiceMenu
{
    private readonly List<(string Key, string Label, string Help)> _choices;

    internal ChoiceMenu(IEnumerable<ChoiceDescription> choices) => _choices = choices.Select(Read).ToList();

    internal string Help =>
        string.Join(Environment.NewLine, _choices.Select(c => $"{(c.Key.Length > 0 ? c.Key : c.Label)} - {c.Help}"));

    internal string Question(int defaultChoice)
    {
        string all = string.Join("  ", _choices.Select(c => c.Key.Length > 0 ? $"[{c.Key}] {c.Label}" : c.Label));
        if (defaultChoice < 0)
        {
            return $"{all}  [?] Help: ";
        }

        (string key, string label, _) = _choices[defaultChoice];
        return $"{all}  [?] Help (default is \"{(key.Length > 0 ? key : label)}\"): ";
    }

    /// <summary>The choice that an answer names by its whole label or its letter.</summary>
    internal int? Find(string answer)
    {
        int found = _choices.FindIndex(c => c.Label.Equals(answer, StringComparison.CurrentCultureIgnoreCase));
        if (found < 0 && answer.Length > 0)
        {
            found = _choices.FindIndex(c => c.Key.Equals(answer, StringComparison.CurrentCultureIgnoreCase));
        }

        return found < 0 ? null : found;
    }

    /// <summary>In a label like <c>&amp;Yes</c> the letter after the ampersand is the short answer.</summary>
    private static (string Key, string Label, string Help) Read(ChoiceDescription choice)
    {
        int mark = choice.Label.IndexOf('&');
        string key = mark >= 0 && mark + 1 < choice.Label.Length
            ? choice.Label.Substring(mark + 1, 1).Trim().ToUpperInvariant()
            : "";
        string label = mark >= 0 ? choice.Label.Remove(mark, 1).Trim() : choice.Label;
        return (key, label, choice.HelpMessage);
    }
}
