using System;
using System.ComponentModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace PSBridge;

/// <summary>A call of ours that runs scripts of members, put off to where these run.</summary>
/// <param name="target">What has the method: an object, or the type of a static one.</param>
/// <param name="method">The name of a public method.</param>
/// <param name="arguments">Its arguments.</param>
public sealed class MemberCall(object target, string method, object?[] arguments)
{
    private readonly ManualResetEvent _ended = new(false);
    private object? _value;
    private Exception? _error;

    /// <summary>What it has given.</summary>
    /// <returns>The value.</returns>
    /// <exception cref="Exception">What it has thrown.</exception>
    public object? GetValue()
    {
        if (_error is not null)
        {
            ExceptionDispatchInfo.Throw(_error);
        }

        return _value;
    }

    /// <summary>Whether it has thrown something, but for a stop.</summary>
    /// <returns>Whether it has.</returns>
    public bool HasFailed() => _error is not null and not PipelineStoppedException;

    /// <summary>Do it on this thread.</summary>
    public void RunHere() => ScriptMembers.Here(() =>
    {
        try
        {
            Run();
        }
        catch (Exception)
        {
            // GetValue throws it.
        }

        return true;
    });

    /// <summary>Begin it on a thread of its own, which nobody can stop.</summary>
    /// <param name="session">The runspace that its scripts run in, by an event where a pipeline runs there;
    /// null where they run as PowerShell has it.</param>
    public void Begin(Runspace? session)
    {
        var thread = new Thread(() =>
        {
            Runspace.DefaultRunspace = session;
            RunHere();
            _ended.Set();
        });
        thread.IsBackground = true;
        thread.Name = "psbridge member";
        thread.Start();
    }

    /// <summary>Wait for what was begun.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>Whether it has ended.</returns>
    public bool Wait(int milliseconds) => _ended.WaitOne(milliseconds);

    /// <summary>Do it, and throw what it throws.</summary>
    internal void Run()
    {
        try
        {
            Type type = target as Type ?? target.GetType();
            _value = type.GetMethod(method)!.Invoke(target, arguments);
        }
        catch (Exception error)
        {
            _error = error is TargetInvocationException { InnerException: { } inner } ? inner : error;
            ExceptionDispatchInfo.Throw(_error);
        }
    }
}

/// <summary>Runs such a call in a pipeline. No session lists it: Python calls it by its class.</summary>
[EditorBrowsable(EditorBrowsableState.Never)]
[Cmdlet(VerbsLifecycle.Invoke, "Member")]
public sealed class InvokeMemberCommand : PSCmdlet
{
    /// <summary>The call.</summary>
    [Parameter(Mandatory = true)]
    public MemberCall? Call { get; set; }

    /// <inheritdoc/>
    protected override void EndProcessing() => Call!.Run();
}
