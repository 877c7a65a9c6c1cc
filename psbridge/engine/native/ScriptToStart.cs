using System;
using System.Collections;
using System.Linq;
using System.Management.Automation;

namespace PSBridge;

/// <summary>What a child of <see cref="StartScriptsCommand"/> runs.</summary>
/// <param name="block">The code.</param>
/// <param name="arguments">Its arguments by position.</param>
/// <param name="names">The names of the others.</param>
/// <param name="values">Their values.</param>
/// <param name="input">What it gets from the pipeline; null where there is none.</param>
public sealed class ScriptToStart(
    ScriptBlock block, object?[] arguments, string[] names, object?[] values, object?[]? input)
{
    /// <summary>The code.</summary>
    public ScriptBlock Block { get; } = block;

    /// <summary>Its arguments by position.</summary>
    public object?[] Arguments { get; } = arguments;

    /// <summary>The names of the others.</summary>
    public string[] Names { get; } = names;

    /// <summary>Their values.</summary>
    public object?[] Values { get; } = values;

    /// <summary>What it gets from the pipeline.</summary>
    public object?[] Input { get; } = input ?? [];

    /// <summary>The same as a pipeline takes it; null where there is none.</summary>
    public PSDataCollection<object>? Lines { get; } = ToLines(input);

    /// <summary>Whether there is a null in it, which PowerShell's own cmdlets may refuse as input.</summary>
    public bool HasNullInput { get; } = input?.Contains(null) == true;

    /// <summary>For code that takes all of this by position: the code, its arguments, its input or null.</summary>
    public object?[] Handed
    {
        get
        {
            Hashtable named = new(StringComparer.OrdinalIgnoreCase);
            for (int i = 0; i < Names.Length; i++)
            {
                named[Names[i]] = Values[i];
            }

            return [Block, Arguments, named, input];
        }
    }

    private static PSDataCollection<object>? ToLines(object?[]? input)
    {
        if (input is null)
        {
            return null;
        }

        PSDataCollection<object> lines = [];
        foreach (object? value in input)
        {
            lines.Add(value!);
        }

        lines.Complete();
        return lines;
    }
}
