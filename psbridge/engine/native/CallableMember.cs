using System;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>In place of a value: there is no such member.</summary>
public sealed class NoMember
{
    internal static readonly NoMember Instance = new();

    private NoMember()
    {
    }
}

/// <summary>In place of a value: what a member threw.</summary>
/// <param name="error">The exception.</param>
public sealed class FailedMember(Exception error)
{
    /// <summary>The exception.</summary>
    /// <returns>It.</returns>
    public Exception GetError() => error;
}

/// <summary>In place of a value: a method, or a property with arguments.</summary>
/// <param name="member">The member.</param>
/// <param name="owner">What it is a member of.</param>
/// <param name="session">The runspace that this comes from.</param>
public sealed class CallableMember(PSMethodInfo member, PSObject owner, Runspace? session)
{
    /// <summary>Its name, as PowerShell writes it.</summary>
    /// <returns>The name.</returns>
    public string GetName() => member.Name;

    /// <summary>How it is called.</summary>
    /// <returns>A line for each of its overloads.</returns>
    public string GetDefinitions() => string.Join('\n', member.OverloadDefinitions);

    /// <summary>Call it.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <returns>What it gives.</returns>
    public object? Call(object?[] arguments)
    {
        ScriptMembers.Refuse(owner, member, session, arguments);
        return ObjectView.Aside(() => member.Invoke(arguments));
    }

    /// <summary>Set a property with arguments.</summary>
    /// <param name="arguments">The arguments.</param>
    /// <param name="value">The value.</param>
    /// <returns>Whether it is such a property.</returns>
    public bool Set(object?[] arguments, object? value)
    {
        if (member is not PSParameterizedProperty property)
        {
            return false;
        }

        ScriptMembers.RefuseMethod(owner.BaseObject, member.Name, session, [.. arguments, value]);
        return ObjectView.Aside(() =>
        {
            property.InvokeSet(value, arguments);
            return true;
        });
    }
}
