using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace PSBridge;

/// <summary>PowerShell's code that a method of .NET's runs.</summary>
/// <remarks>
/// It is what the method is called on, or what it is given: a script block, a delegate of one, or an object of a
/// PowerShell class that answers what .NET asks. A call that may run code waits for its session, so one that only
/// keeps what it is given must not count: a pipeline may be waiting for that very object.
/// Not seen: code that an object of .NET's has kept, such as the comparer of a sorted set or a LINQ query's.
/// </remarks>
internal static class GivenCode
{
    // Where objects are kept and handed on, and nobody asks for their text.
    private static readonly string[] s_keepers = ["System.Collections", "System.Threading"];

    /// <summary>Whether a method is one that runs what it is called on.</summary>
    /// <param name="target">A bare object.</param>
    /// <param name="method">The method's name.</param>
    internal static bool IsRunBy(object target, string method) => target switch
    {
        ScriptBlock => Starts(method, "Invoke"),
        Delegate made => ScriptOf(made) is not null && (Is(method, "Invoke") || Is(method, "DynamicInvoke")),
        CommandInvocationIntrinsics => Is(method, "ExpandString") || Starts(method, "Invoke"),
        _ => false,
    };

    /// <summary>What a method is given that is code, and that it may run.</summary>
    /// <param name="target">The bare object that has the method.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="given">What it is given.</param>
    /// <returns>The first; null where there is none.</returns>
    internal static object? Find(object target, string method, object?[] given)
    {
        foreach (object? each in given)
        {
            foreach (object? part in PartsOf(each))
            {
                object? bare = part is PSObject whole ? whole.BaseObject : part;
                if (bare is not (null or string or ValueType) && MayRun(target, method, bare))
                {
                    return bare;
                }
            }
        }

        return null;
    }

    /// <summary>The session that code was written in.</summary>
    /// <param name="code">A script block, a delegate of one, or anything else.</param>
    /// <returns>Its runspace; null where that is not known.</returns>
    internal static Runspace? SessionOf(object? code)
    {
        ScriptBlock? script = code as ScriptBlock ?? (code is Delegate made ? ScriptOf(made) : null);
        object? state = script is null ? null : EngineMembers.Objects.SessionOfScript.Property?.GetValue(script);
        object? context = state is null ? null : EngineMembers.Objects.ContextOfSession.Property?.GetValue(state);
        return context is null ? null : EngineMembers.Objects.RunspaceOfContext.Property?.GetValue(context) as Runspace;
    }

    private static bool MayRun(object target, string method, object value) => value switch
    {
        ScriptBlock => TakesCode(target.GetType(), method),
        Delegate made => ScriptOf(made) is not null && TakesCode(target.GetType(), method),
        _ => ScriptMembers.IsPowerShellClass(value.GetType()) && Answers(value.GetType(), target.GetType()),
    };

    // What is behind an event's accessor is called later, on another thread, as PowerShell does it.
    private static bool TakesCode(Type type, string method) => !Starts(method, "add_") && !Starts(method, "remove_")
        && Array.Exists(type.GetMethods(), one => Is(one.Name, method) && one.GetParameters().Any(
            parameter => typeof(Delegate).IsAssignableFrom(parameter.ParameterType)
                || parameter.ParameterType == typeof(ScriptBlock)));

    private static bool Answers(Type type, Type asker) => type.GetInterfaces().Length > 0
        || Array.Exists(type.GetMethods(), one => IsOverride(one) && (one.Name != nameof(ToString) || !Keeps(asker)));

    private static bool IsOverride(MethodInfo method) => method.IsVirtual
        && ScriptMembers.IsPowerShellClass(method.DeclaringType!)
        && !ScriptMembers.IsPowerShellClass(method.GetBaseDefinition().DeclaringType!);

    private static bool Keeps(Type type) =>
        Array.Exists(s_keepers, keeper => type.Namespace?.StartsWith(keeper, StringComparison.Ordinal) is true);

    private static ScriptBlock? ScriptOf(Delegate made)
    {
        foreach (Delegate each in made.GetInvocationList())
        {
            if (each.Target is Closure { Constants: { } constants }
                && Array.Find(constants, one => one is ScriptBlock) is ScriptBlock script)
            {
                return script;
            }
        }

        return null;
    }

    private static IEnumerable<object?> PartsOf(object? value)
    {
        yield return value;
        IEnumerable parts = value switch
        {
            object?[] items => items,
            IDictionary entries => entries.Keys.Cast<object?>().Concat(entries.Values.Cast<object?>()),
            _ => Array.Empty<object>(),
        };
        foreach (object? part in parts)
        {
            yield return part;
        }
    }

    private static bool Is(string name, string other) => name.Equals(other, StringComparison.OrdinalIgnoreCase);

    private static bool Starts(string name, string start) => name.StartsWith(start, StringComparison.OrdinalIgnoreCase);
}
