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
    private static int s_made;

    [ThreadStatic]
    private static MemberCall? t_inside;

    private readonly int _number = Interlocked.Increment(ref s_made);
    private readonly ManualResetEvent _ended = new(false);
    private object? _value;
    private Exception? _error;
    private int _taken;

    /// <summary>Tells it from others.</summary>
    /// <returns>1 or more.</returns>
    public int GetNumber() => _number;

    /// <summary>Which call this thread runs in the midst of a pipeline.</summary>
    /// <returns>Its number; 0 for none.</returns>
    public static int NumberHere() => t_inside?._number ?? 0;

    /// <summary>Do something on this thread that is inside of a call.</summary>
    /// <param name="call">The call; null for none.</param>
    /// <param name="work">What to do.</param>
    internal static void Within(MemberCall? call, Action work)
    {
        (MemberCall? around, t_inside) = (t_inside, call);
        try
        {
            work();
        }
        finally
        {
            t_inside = around;
        }
    }

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
    public bool HasFailed() => _error is not null && !ScriptMembers.EndsCall(_error);

    /// <summary>Be the one who runs it.</summary>
    /// <returns>False where somebody else is.</returns>
    public bool TryTake() => Interlocked.Exchange(ref _taken, 1) == 0;

    /// <summary>Whether somebody runs it.</summary>
    /// <returns>Whether somebody does.</returns>
    public bool IsRunning() => Volatile.Read(ref _taken) != 0 && !_ended.WaitOne(0);

    /// <summary>Be the one who runs it no more.</summary>
    public void GiveBack() => Volatile.Write(ref _taken, 0);

    /// <summary>Do it on this thread.</summary>
    public void RunHere() => ScriptMembers.Here(() =>
    {
        RunQuietly();
        return true;
    });

    private void RunQuietly()
    {
        try
        {
            Run();
        }
        catch (Exception)
        {
            // GetValue throws it.
        }
    }

    /// <summary>Run it on this thread, where nobody else does; who waits for it gets what it throws.</summary>
    internal void RunIfFree()
    {
        if (TryTake())
        {
            Within(this, RunQuietly); // not as RunHere: Python code in it may ask an object of another session
        }
    }

    /// <summary>Have the thread run it that waits in Python code in a pipeline of a session.</summary>
    /// <param name="session">The session's runspace.</param>
    public void BeginInWait(Runspace session) => VisitedPipeline.Leave(session, this);

    /// <summary>Have the pipeline run it that runs in a session, as soon as it comes to that.</summary>
    /// <remarks>
    /// Not as PowerShell does it for a class's methods: there the thread that waits runs the code after a
    /// quarter of a second, beside the pipeline. When that goes on meanwhile the two share their variables'
    /// scopes, and the process dies of it ("Stack empty").
    /// </remarks>
    /// <param name="session">The session's runspace.</param>
    /// <param name="pipeline">The pipeline.</param>
    public void BeginIn(Runspace session, PowerShell pipeline) => OnItsOwnThread(() =>
    {
        if (EngineMembers.Runspaces.Subscribe.Method is not { } subscribe)
        {
            return;
        }

        string name = $"psbridge.member.{_number}";
        PSEventReceivedEventHandler run = (_, _) => RunIfFree();
        try
        {
            subscribe.Invoke(session.Events, [null, null, name, null, run, true, false, true, 1]);
            // Where nothing runs any more this makes a pipeline, and comes back when that has ended.
            session.Events.GenerateEvent(name, null, [], null, true, false);
            VisitedPipeline.Wake(pipeline);
        }
        catch (Exception)
        {
            // The session closes. Whoever waits sees that his pipeline has ended.
        }
    });

    /// <summary>Begin it on a thread that is in no session.</summary>
    public void BeginAside()
    {
        if (TryTake())
        {
            OnItsOwnThread(RunHere);
        }
    }

    private static void OnItsOwnThread(ThreadStart work) =>
        new Thread(work) { IsBackground = true, Name = "psbridge member" }.Start();

    /// <summary>Stop what runs in a session.</summary>
    /// <param name="session">The session's runspace.</param>
    public static void StopIn(Runspace session) => LastingStop.Begin(session);

    /// <summary>Wait for its end.</summary>
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
        finally
        {
            _ended.Set();
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
