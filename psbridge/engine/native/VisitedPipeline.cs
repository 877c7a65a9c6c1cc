using System;
using System.Collections.Concurrent;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace PSBridge;

/// <summary>A pipeline in whose midst scripts of members run, by events of its session's.</summary>
/// <remarks>
/// The engine does what events ask for between two statements of a script. A pipeline of ours does so where it
/// waits for somebody who takes its output or gives its input, and where Python code in it waits. That may be
/// in the midst of an event, where the engine runs no other: so calls may be left for such a wait, too.
/// </remarks>
public sealed class VisitedPipeline
{
    private static readonly ConditionalWeakTable<PowerShell, VisitedPipeline> s_all = [];

    private static readonly ConditionalWeakTable<Runspace, ConcurrentQueue<MemberCall>> s_left = [];

    private readonly PowerShell _pipeline;
    private int _visitors;
    private int _feeders;

    private VisitedPipeline(PowerShell pipeline) => _pipeline = pipeline;

    /// <summary>Lets a pipeline that waits go on, to see that there is an event.</summary>
    internal event Action? Woken;

    /// <summary>The visits of a pipeline.</summary>
    internal static VisitedPipeline Of(PowerShell pipeline) => s_all.GetValue(pipeline, one => new(one));

    /// <summary>Let somebody have a script run in a pipeline.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="comes">Whether he comes, or goes.</param>
    /// <param name="feeds">Whether he gives its input.</param>
    public static void Visit(PowerShell pipeline, bool comes, bool feeds)
    {
        VisitedPipeline visited = Of(pipeline);
        Interlocked.Add(ref visited._visitors, comes ? 1 : -1);
        Interlocked.Add(ref visited._feeders, !feeds ? 0 : comes ? 1 : -1);
    }

    /// <summary>Let a pipeline see that there is an event for a visitor; to be said again until it is run.</summary>
    /// <remarks>The engine runs few events at a time, and there may be others before it.</remarks>
    /// <param name="pipeline">The pipeline.</param>
    public static void Wake(PowerShell pipeline) => Of(pipeline).Woken?.Invoke();

    /// <summary>Run what visitors have asked for; on the pipeline's thread, which waits.</summary>
    internal void Serve()
    {
        if (Volatile.Read(ref _visitors) > 0)
        {
            RunEvents(_pipeline.Runspace);
        }
    }

    /// <summary>The same where it waits for input, which cannot be given meanwhile: for who gives it.</summary>
    internal void ServeFeeder()
    {
        if (Volatile.Read(ref _feeders) > 0)
        {
            RunEvents(_pipeline.Runspace);
        }
    }

    /// <summary>Run what others have asked the pipeline for that this thread is in, if it is in one.</summary>
    /// <returns>Whether it is in one.</returns>
    public static bool ServeHere()
    {
        if (Runspace.DefaultRunspace is not { } session || !ScriptMembers.IsServed(session))
        {
            return false;
        }

        while (s_left.TryGetValue(session, out ConcurrentQueue<MemberCall>? left) && left.TryDequeue(out MemberCall? call))
        {
            call.RunIfFree();
        }

        RunEvents(session);
        return true;
    }

    /// <summary>Leave a call to the thread that waits in Python code in a pipeline of a session.</summary>
    internal static void Leave(Runspace session, MemberCall call) => s_left.GetValue(session, _ => []).Enqueue(call);

    private static void RunEvents(Runspace session)
    {
        try
        {
            EngineMembers.Runspaces.RunEvents.Method?.Invoke(session.Events, null);
        }
        catch (TargetInvocationException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
        }
    }
}
