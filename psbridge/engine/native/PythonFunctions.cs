using System;
using System.Collections.Concurrent;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>What a Python function gave, or why it gave nothing.</summary>
/// <param name="value">What it gave.</param>
/// <param name="error">What it raised, in words; null where it raised nothing.</param>
/// <remarks>No exception crosses the border.</remarks>
public sealed class PythonAnswer(object? value, string? error)
{
    /// <summary>What it gave.</summary>
    public object? Value { get; } = value;

    /// <summary>What it raised, in words, or null.</summary>
    public string? Error { get; } = error;
}

/// <summary>The Python functions that attributes of parameters call.</summary>
/// <remarks>
/// An attribute is made by .NET from constants, so it has the name of its function only. By
/// runspace, for two sessions may have cmdlets of the same name; and, with no runspace, the latest
/// for runspaces that belong to no session, such as -Parallel's.
/// </remarks>
public static class PythonFunctions
{
    private static readonly ConcurrentDictionary<(Guid Runspace, string Key), Func<object?, object?, PythonAnswer>>
        s_functions = new();

    /// <summary>Say which function a name means.</summary>
    /// <param name="runspace">The InstanceId of the runspace that imports it.</param>
    /// <param name="key">The name.</param>
    /// <param name="function">The function; what its arguments are is up to the attribute.</param>
    public static void Register(Guid runspace, string key, Func<object?, object?, PythonAnswer> function)
    {
        s_functions[(runspace, key)] = function;
        s_functions[(Guid.Empty, key)] = function;
    }

    /// <summary>Forget what a runspace has imported.</summary>
    /// <param name="runspace">Its InstanceId.</param>
    public static void Forget(Guid runspace)
    {
        foreach ((Guid Runspace, string Key) entry in s_functions.Keys)
        {
            if (entry.Runspace == runspace)
            {
                s_functions.TryRemove(entry, out _);
            }
        }
    }

    internal static PythonAnswer Call(string key, object? first, object? second = null)
    {
        Border.CheckDepth();
        Guid runspace = Runspace.DefaultRunspace?.InstanceId ?? Guid.Empty;
        if ((!s_functions.TryGetValue((runspace, key), out var function)
            && !s_functions.TryGetValue((Guid.Empty, key), out function)) || !Border.TryEnter())
        {
            return new PythonAnswer(null, "it is written in Python, and no Python is here to run it");
        }

        try
        {
            return function(first, second);
        }
        finally
        {
            Border.Leave();
        }
    }
}
