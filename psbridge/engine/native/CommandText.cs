using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>What a text of PowerShell code is like, as far as it has to be known to run it.</summary>
public static class CommandText
{
    /// <summary>Whether a script has modules or assemblies loaded before it runs, by no command.</summary>
    /// <param name="script">Its text.</param>
    /// <returns>Whether it says <c>using module</c>, <c>using assembly</c>, or <c>#requires</c> some.</returns>
    public static bool LoadsModules(string script)
    {
        ScriptBlockAst code = Parser.ParseInput(script, out _, out _);
        return code.UsingStatements.Any(one => one.UsingStatementKind != UsingStatementKind.Namespace)
            || code.ScriptRequirements is { RequiredModules.Count: > 0 } or { RequiredAssemblies.Count: > 0 };
    }

    /// <summary>Whether it uses <c>$input</c>: only then is standard input read for it.</summary>
    public static bool UsesInput(string text) => Uses(Parser.ParseInput(text, out _, out _), "input");

    /// <summary>Whether it uses <c>$using:</c>, in a script block of its own too.</summary>
    public static bool UsesUsing(string text) =>
        Parser.ParseInput(text, out _, out _).Find(ast => ast is UsingExpressionAst, searchNestedScriptBlocks: true) is not null;

    /// <summary>Whether it takes arguments: it has a <c>param(...)</c>, or uses <c>$args</c>.</summary>
    public static bool TakesArguments(string text)
    {
        ScriptBlockAst script = Parser.ParseInput(text, out _, out _);
        return script.ParamBlock is not null || Uses(script, "args");
    }

    /// <summary>Which arguments PowerShell would drop without a word.</summary>
    /// <remarks>
    /// What has no <c>param(...)</c>, or a simple one, takes any name and any number of arguments, and
    /// puts what it does not know into <c>$args</c>, which it may not use. An advanced one refuses that by
    /// itself, and so does the parser its mistakes.
    /// </remarks>
    /// <param name="text">The code.</param>
    /// <param name="names">The arguments' names.</param>
    /// <returns>The first name that it does not know, or null; how many it takes by position, as many as
    /// there can be where PowerShell itself complains; and the names of its parameters.</returns>
    public static (string? Unknown, int Taken, string[] Declared) CheckArguments(string text, string[] names)
    {
        ScriptBlockAst script = Parser.ParseInput(text, out _, out ParseError[] errors);
        if (errors.Length > 0 || IsAdvanced(script))
        {
            return (null, int.MaxValue, []);
        }

        ParameterAst[] parameters = [.. script.ParamBlock?.Parameters ?? []];
        ParameterAst?[] named = [.. names.Select(name => Find(parameters, name))];
        int open = parameters.Count(parameter =>
            parameter.StaticType != typeof(SwitchParameter) && !named.Contains(parameter));
        int unknown = Array.IndexOf(named, null);
        return (
            unknown < 0 ? null : names[unknown],
            Uses(script, "args") ? int.MaxValue : open,
            [.. parameters.Select(parameter => parameter.Name.VariablePath.UserPath)]);
    }

    /// <summary>What PowerShell says of code; of code that is not whole, with its places, which it leaves out.</summary>
    /// <param name="failure">What has ended a pipeline.</param>
    /// <param name="commands">The pipeline's commands.</param>
    /// <returns>The same, or what the parser says.</returns>
    public static Exception WithPlaces(Exception failure, PSCommand commands)
    {
        if (failure is IncompleteParseException)
        {
            foreach (Command command in commands.Commands.Where(command => command.IsScript))
            {
                Parser.ParseInput(command.CommandText, out _, out ParseError[] mistakes);
                if (mistakes.Length > 0)
                {
                    return new ParseException(mistakes);
                }
            }
        }

        return failure;
    }

    /// <summary>A record for each mistake that PowerShell has found in a text.</summary>
    /// <param name="found">What it has thrown.</param>
    /// <returns>The records, in the order of the text.</returns>
    public static ErrorRecord[] RecordsOf(ParseException found) =>
        [.. found.Errors.Select(mistake => new ParseException([mistake]).ErrorRecord)];

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

    // A whole name, else the beginning of one, as PowerShell finds it.
    private static ParameterAst? Find(ParameterAst[] parameters, string name) =>
        Array.Find(parameters, parameter => NamesOf(parameter).Contains(name, StringComparer.OrdinalIgnoreCase))
        ?? Array.Find(parameters, parameter => NamesOf(parameter).Any(
            known => known.StartsWith(name, StringComparison.OrdinalIgnoreCase)));

    private static bool IsAdvanced(ScriptBlockAst script) =>
        (script.ParamBlock?.Parameters ?? Enumerable.Empty<ParameterAst>())
            .SelectMany(parameter => parameter.Attributes)
            .Concat(script.ParamBlock?.Attributes ?? Enumerable.Empty<AttributeBaseAst>())
            .Any(attribute => Is(attribute, "CmdletBinding") || Is(attribute, "Parameter"));

    private static bool Is(AttributeBaseAst attribute, string name) =>
        attribute is AttributeAst && attribute.TypeName.Name.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> NamesOf(ParameterAst parameter) =>
        parameter.Attributes.OfType<AttributeAst>()
            .Where(attribute => Is(attribute, "Alias"))
            .SelectMany(attribute => attribute.PositionalArguments)
            .OfType<StringConstantExpressionAst>()
            .Select(alias => alias.Value)
            .Prepend(parameter.Name.VariablePath.UserPath);

    // In a script block of its own each of them is another variable.
    private static bool Uses(ScriptBlockAst script, string variable) =>
        script.Find(
            ast => ast is VariableExpressionAst { VariablePath: { IsVariable: true } path }
                && path.UserPath.Split(':')[^1].Equals(variable, StringComparison.OrdinalIgnoreCase),
            searchNestedScriptBlocks: false) is not null;
}
