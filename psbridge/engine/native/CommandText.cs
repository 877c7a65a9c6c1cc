using System;
using System.Linq;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>What a text of PowerShell code is like, as far as it has to be known to run it.</summary>
public static class CommandText
{
    /// <summary>Whether it uses <c>$input</c>: only then is standard input read for it.</summary>
    public static bool UsesInput(string text) => Uses(Parser.ParseInput(text, out _, out _), "input");

    /// <summary>Whether it takes arguments: it has a <c>param(...)</c>, or uses <c>$args</c>.</summary>
    public static bool TakesArguments(string text)
    {
        ScriptBlockAst script = Parser.ParseInput(text, out _, out _);
        return script.ParamBlock is not null || Uses(script, "args");
    }

    /// <summary>Whether it is the beginning of something that goes on in the next line.</summary>
    public static bool IsIncomplete(string text)
    {
        Parser.ParseInput(text, out _, out ParseError[] errors);
        return errors.Any(error => error.IncompleteInput);
    }

    /// <summary>Give a command the words of a command line as its arguments.</summary>
    /// <remarks>
    /// By the rules of PowerShell's own host for what follows -File: a word with a dash is a
    /// parameter's name, <c>-Name:</c> takes the next word whatever it is, true and false behind a
    /// colon are Booleans, and everything else is a string that PowerShell binds and converts.
    /// </remarks>
    public static void AddArguments(Command command, string[] words)
    {
        string? pending = null;
        foreach (string word in words)
        {
            if (pending is not null)
            {
                command.Parameters.Add(new CommandParameter(pending, word));
                pending = null;
            }
            else if (word.Length < 2 || word[0] is not ('-' or '\u2013' or '\u2014' or '\u2015'))
            {
                command.Parameters.Add(new CommandParameter(null, word));
            }
            else if (word.IndexOf(':') is var colon && colon < 0)
            {
                command.Parameters.Add(new CommandParameter(word));
            }
            else if (colon == word.Length - 1)
            {
                pending = word.TrimEnd(':');
            }
            else
            {
                string value = word[(colon + 1)..];
                command.Parameters.Add(new CommandParameter(
                    word[..colon],
                    bool.TryParse(value.AsSpan(value[0] == '$' ? 1 : 0), out bool truth) ? truth : value));
            }
        }
    }

    // In a script block of its own each of them is another variable.
    private static bool Uses(ScriptBlockAst script, string variable) =>
        script.Find(
            ast => ast is VariableExpressionAst { VariablePath: { IsVariable: true } path }
                && path.UserPath.Split(':')[^1].Equals(variable, StringComparison.OrdinalIgnoreCase),
            searchNestedScriptBlocks: false) is not null;
}
