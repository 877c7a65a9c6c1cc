using System;
using System.Collections.Concurrent;
using System.Collections.ObjectModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace PSBridge;

/// <summary>Where the code of members that are scripts runs.</summary>
/// <remarks>
/// A script of a member means the session that the object comes from: it calls functions of a module that is
/// imported there, reads variables, and may be stopped there. So a thread that is in no pipeline of the session
/// does not run it. It is told so, by <see cref="SessionNeededException"/>, and has the session run the call; see
/// `member_calls.py`. Two kinds are not the session's affair: the methods of .NET's types, and the scripts
/// that PowerShell's own types have, which need nothing of a session: these run in a runspace of nobody's,
/// in a hundredth of the time (<see cref="ObjectView.Aside"/>).
///
/// PowerShell itself knows the session of a script that was written in one, such as a class's method, and has
/// it run there by an event, in a way that can end the process: see <see cref="MemberCall.BeginIn"/>. It does not
/// know that of what Update-TypeData or a module's file adds to types.
///
/// A method of .NET's may run code, too: see <see cref="GivenCode"/>. Then the call is the session's.
/// </remarks>
internal static class ScriptMembers
{
    // Whether they have some commands only.
    private static readonly ConditionalWeakTable<Runspace, object> s_served = [];
    private static readonly ConcurrentDictionary<string, bool> s_needNothing = [];

    [ThreadStatic]
    private static bool t_isHere;

    /// <summary>Let a session run the scripts of its objects' members from now on.</summary>
    /// <param name="runspace">Its runspace.</param>
    /// <param name="isLimited">Whether it has some commands only. Then no script of its runs outside of it.</param>
    internal static void Serve(Runspace runspace, bool isLimited) => s_served.AddOrUpdate(runspace, isLimited);

    /// <summary>Whether a session is one that runs them.</summary>
    internal static bool IsServed(Runspace session) => s_served.TryGetValue(session, out _);

    private static bool IsLimited(Runspace? session) =>
        session is not null && s_served.TryGetValue(session, out object? isLimited) && isLimited is true;

    /// <summary>Refuse to run the script of a member on this thread, where that is a session's affair.</summary>
    /// <param name="owner">The object.</param>
    /// <param name="member">Its member.</param>
    /// <param name="session">The runspace that the object comes from.</param>
    /// <param name="given">What the member is given.</param>
    /// <exception cref="SessionNeededException">It is.</exception>
    /// <exception cref="InvalidOperationException">It is, and the session is closed.</exception>
    internal static void Refuse(PSObject owner, PSMemberInfo member, Runspace? session, params object?[] given)
    {
        if (member is PSMethod)
        {
            RefuseMethod(owner.BaseObject, member.Name, session, given);
            return;
        }

        if (NeedsSession(owner, member, session, out bool isBound))
        {
            throw new SessionNeededException(session!, isBound, IsLimited(session));
        }

        if (t_isHere && ScriptOf(owner, member) is { } script && IsBound(script))
        {
            RefuseClosed(session);
        }
    }

    /// <summary>Refuse to call a method on this thread, where that runs code of a session's.</summary>
    /// <param name="target">The bare object.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="session">The runspace that the object comes from.</param>
    /// <param name="given">What it is given.</param>
    /// <exception cref="SessionNeededException">It does.</exception>
    /// <exception cref="InvalidOperationException">It does, and the session is closed.</exception>
    internal static void RefuseMethod(object target, string method, Runspace? session, params object?[] given)
    {
        bool isOwn = IsPowerShellClass(target.GetType()) || GivenCode.IsRunBy(target, method);
        object? code = isOwn ? target : GivenCode.Find(target, method, given);
        if (code is not null)
        {
            RefuseCode(code, session);
        }
    }

    /// <summary>Refuse to run code on this thread, where that is a session's affair.</summary>
    /// <param name="code">A script block, a delegate of one, or an object whose class is code.</param>
    /// <param name="session">The runspace that it comes from, where it does not say so itself.</param>
    /// <exception cref="SessionNeededException">It is.</exception>
    /// <exception cref="InvalidOperationException">It is, and the session is closed.</exception>
    internal static void RefuseCode(object code, Runspace? session)
    {
        session = GivenCode.SessionOf(code) ?? session;
        if (IsElsewhere(session))
        {
            throw new SessionNeededException(session!, isBound: true, IsLimited(session));
        }

        RefuseClosed(session);
    }

    private static void RefuseClosed(Runspace? session)
    {
        if (t_isHere && session?.RunspaceStateInfo.State is RunspaceState.Closed)
        {
            throw new InvalidOperationException("This member's code runs in its session, which is closed.");
        }
    }

    /// <summary>Refuse to call a method of .NET's that a class written in PowerShell has as its own.</summary>
    /// <param name="target">An object.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="session">The runspace that the object comes from.</param>
    /// <exception cref="SessionNeededException">Its class has it.</exception>
    internal static void RefuseOwn(object target, string method, Runspace? session)
    {
        Type type = target.GetType();
        if (IsPowerShellClass(type) && IsElsewhere(session)
            && Array.Exists(type.GetMethods(), own => own.Name == method && IsPowerShellClass(own.DeclaringType!)))
        {
            throw new SessionNeededException(session!, isBound: true, IsLimited(session));
        }
    }

    private static bool NeedsSession(PSObject owner, PSMemberInfo member, Runspace? session, out bool isBound)
    {
        isBound = false;
        if (member is not (PSScriptProperty or PSScriptMethod or PSAliasProperty) || !IsElsewhere(session))
        {
            return false;
        }

        if (ScriptOf(owner, member) is not { } script)
        {
            return false;
        }

        isBound = IsBound(script);
        return isBound || IsLimited(session) || !NeedsNothing(owner, member, script);
    }

    /// <summary>Whether a property's script can be run anywhere.</summary>
    internal static bool RunsAnywhere(PSObject owner, PSScriptProperty property, Runspace? session) =>
        !IsLimited(session) && property.GetterScript is { } script && !IsBound(script)
        && NeedsNothing(owner, property, script);

    /// <summary>Whether the script of a record's property, which is read for no call of its session, is refused.</summary>
    internal static bool IsRefused(PSObject owner, PSMemberInfo property, Runspace? session) =>
        IsLimited(session) && Runspace.DefaultRunspace != session && ScriptOf(owner, property) is not null;

    /// <summary>Whether what a member has thrown ends the call that reads it: nothing more is read.</summary>
    internal static bool EndsCall(Exception? error)
    {
        for (; error is not null; error = error.InnerException)
        {
            if (error is SessionNeededException or PipelineStoppedException)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether to read a property is to run a script.</summary>
    internal static bool IsScript(PSObject owner, PSMemberInfo property) => ScriptOf(owner, property) is not null;

    /// <summary>Do something on this thread, whatever it runs.</summary>
    internal static T Here<T>(Func<T> call)
    {
        (bool before, t_isHere) = (t_isHere, true);
        try
        {
            return call();
        }
        finally
        {
            t_isHere = before;
        }
    }

    // Whether there is a session that runs scripts, and this thread is in no pipeline of it.
    private static bool IsElsewhere(Runspace? session) => !t_isHere && session is not null
        && Runspace.DefaultRunspace != session && s_served.TryGetValue(session, out _);

    private static ScriptBlock? ScriptOf(PSObject owner, PSMemberInfo member)
    {
        // An alias of an alias is an error of the engine's if it leads in a circle.
        for (int i = 0; member is PSAliasProperty alias && i < 10; i++)
        {
            member = owner.Members[alias.ReferencedMemberName];
        }

        return member switch
        {
            PSScriptProperty property => property.GetterScript ?? property.SetterScript,
            PSScriptMethod method => method.Script,
            _ => null,
        };
    }

    private static bool IsBound(ScriptBlock script) =>
        EngineMembers.Objects.SessionOfScript.Property?.GetValue(script) is not null;

    /// <summary>Whether a type is a class that is written in PowerShell.</summary>
    internal static bool IsPowerShellClass(Type type) => type.Assembly.IsDynamic
        && type.Assembly.GetName().Name == "PowerShell Class Assembly";

    // Whether PowerShell's own types have the same script there.
    private static bool NeedsNothing(PSObject owner, PSMemberInfo member, ScriptBlock script)
    {
        string text = script.ToString();
        if (s_needNothing.TryGetValue(text, out bool isKnown))
        {
            return isKnown;
        }

        return s_needNothing[text] = ObjectView.Outside(() =>
        {
            // The names of an object's type are the same for all views of it; a record has only its own.
            PSObject usual = owner.BaseObject is PSCustomObject ? OfTypes(owner.TypeNames) : new(owner.BaseObject);
            return usual.Members[member.Name] is { } found && ScriptOf(usual, found)?.ToString() == text;
        });
    }

    private static PSObject OfTypes(Collection<string> names)
    {
        PSObject made = new();
        made.TypeNames.Clear();
        foreach (string name in names)
        {
            made.TypeNames.Add(name);
        }

        return made;
    }
}

/// <summary>A member's script is to be run by a session, and not by this thread.</summary>
/// <param name="session">The session's runspace.</param>
/// <param name="isBound">Whether PowerShell runs it there in any case.</param>
/// <param name="isLimited">Whether the session has some commands only.</param>
public sealed class SessionNeededException(Runspace session, bool isBound, bool isLimited)
    : InvalidOperationException("This member's script is to be run by its session.")
{
    /// <summary>Which session.</summary>
    /// <returns>Its runspace.</returns>
    public Runspace GetSession() => session;

    /// <summary>Whether the script was written in a session, which PowerShell has run it in any case.</summary>
    /// <returns>Whether it was.</returns>
    public bool IsBound() => isBound;

    /// <summary>Whether the script must not run anywhere else.</summary>
    /// <returns>Whether it must not: the session has some commands only.</returns>
    public bool IsLimited() => isLimited;
}
