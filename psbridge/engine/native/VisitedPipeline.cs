using System;
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
/// waits for somebody who takes its output or gives its input, and where Python code in it waits.
/// </remarks>
public sealed class VisitedPipeline
{
    private static readonly ConditionalWeakTable<PowerShell, VisitedPipeline> s_all = [];

    private readonly PowerShell _pipeline;
    private int _visitors;

    private VisitedPipeline(PowerShell pipeline) => _pipeline = pipeline;

    /// <summary>Lets a pipeline that waits go on, to see that there is an event.</summary>
    internal event Action? Woken;

    /// <summary>The visits of a pipeline.</summary>
    internal static VisitedPipeline Of(PowerShell pipeline) => s_all.GetValue(pipeline, one => new(one));

    /// <summary>Let somebody have a script run in a pipeline.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="comes">Whether he comes, or goes.</param>
    public static void Visit(PowerShell pipeline, bool comes)
    {
        VisitedPipeline visited = Of(pipeline);
        _ = comes ? Interlocked.Increment(ref visited._visitors) : Interlocked.Decrement(ref visited._visitors);
    }

    /// <summary>Let a pipeline see that there is an event for a visitor.</summary>
    internal static void Wake(PowerShell pipeline) => Of(pipeline).Woken?.Invoke();

    /// <summary>Run what visitors have asked for; on the pipeline's thread.</summary>
    internal void Serve()
    {
        if (Volatile.Read(ref _visitors) > 0)
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

        RunEvents(session);
        return true;
    }

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
