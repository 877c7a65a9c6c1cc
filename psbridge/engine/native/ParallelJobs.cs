using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Threading;

namespace PSBridge;

/// <summary>The jobs of ForEach-Object -Parallel, and what they throw on a thread of their own.</summary>
/// <remarks>
/// Such a job opens its runspaces on a thread of the pool, and a stop closes those that are there,
/// one that is just being opened too. The opening fails then, where nobody catches it, and .NET ends
/// the process: in pwsh a Stop-Job in the first moments of a job can do that. The job itself is
/// Stopped, and nothing is left to do on that thread. So .NET is told that this exception is handled,
/// which it can be from .NET 10 on, once in a process. Where somebody else tells it something, and
/// before .NET 10, it is as in pwsh.
/// Rejected: to wait before a stop until nothing is being opened. Stop-Job in a script does not.
/// </remarks>
internal static class ParallelJobs
{
    private static int s_told;

    /// <summary>Let the process outlive the failure. May be called again.</summary>
    internal static void SurviveStops()
    {
        if (Interlocked.Exchange(ref s_told, 1) == 1)
        {
            return;
        }

        MethodInfo? handle = typeof(object).Assembly
            .GetType("System.Runtime.ExceptionServices.ExceptionHandling")
            ?.GetMethod("SetUnhandledExceptionHandler");
        try
        {
            handle?.Invoke(null, [new Func<Exception, bool>(IsOfOpening)]);
        }
        catch (TargetInvocationException error) when (error.InnerException is InvalidOperationException)
        {
            // Somebody else was first.
        }
    }

    /// <summary>Whether a job is of ForEach-Object -Parallel.</summary>
    internal static bool IsOne(Job job) =>
        EngineMembers.ParallelJobs.Pool.Field?.DeclaringType!.IsInstanceOfType(job) == true;

    /// <summary>Stop such a job, and wait for that.</summary>
    /// <remarks>
    /// The engine's way stops one child after the other, and may lose each of these stops. So they are
    /// stopped before, at once: when the job knows that it is to stop, for it would be Failed
    /// otherwise, and when it begins no further ones.
    /// </remarks>
    internal static void Stop(Job job)
    {
        void StopChildren(object? sender, JobStateEventArgs change)
        {
            if (change.JobStateInfo.State == JobState.Stopping)
            {
                EngineMembers.ParallelJobs.Close.Method?.Invoke(EngineMembers.ParallelJobs.Pool.Field!.GetValue(job), null);
                foreach (Job child in job.ChildJobs.Where(child => LastingStop.Begin(RunspaceOf(child))).ToArray())
                {
                    JobInternals.WaitForEnd(child, Timeout.Infinite);
                }
            }
        }

        job.StateChanged += StopChildren;
        try
        {
            job.StopJob();
        }
        finally
        {
            job.StateChanged -= StopChildren;
        }

        EndThoseThatWait(job);
    }

    /// <summary>End children that have not begun and never will: the engine leaves them as they are.</summary>
    internal static void EndThoseThatWait(Job job)
    {
        foreach (Job child in job.ChildJobs.Where(child => child.JobStateInfo.State == JobState.NotStarted).ToArray())
        {
            JobInternals.SetState(child, JobState.Stopped, null);
        }
    }

    /// <summary>The progress of a child of such a job, which the engine does not hand on to the job; else null.</summary>
    internal static PSDataCollection<ProgressRecord>? ProgressOf(Job child)
    {
        if (EngineMembers.ParallelJobs.Task.Property is not { } property
            || !property.DeclaringType!.IsInstanceOfType(child)
            || property.GetValue(child) is not { } task)
        {
            return null;
        }

        return (EngineMembers.ParallelJobs.Work.Field?.GetValue(task) as PowerShell)?.Streams.Progress;
    }

    private static Runspace? RunspaceOf(Job child) =>
        EngineMembers.ParallelJobs.Task.Property?.GetValue(child) is { } task
            ? EngineMembers.ParallelJobs.Runspace.Property?.GetValue(task) as Runspace
            : null;

    private static bool IsOfOpening(Exception error)
    {
        if (error.StackTrace?.Contains("System.Management.Automation.PSTasks.PSTaskPool.Add(", StringComparison.Ordinal) != true)
        {
            return false;
        }

        ReleaseClosers();
        return true;
    }

    // Who closes a runspace that is being opened waits for the end of that, which an opening that fails
    // does not tell. It sees one that is closing already, and is content.
    private static void ReleaseClosers()
    {
        if (EngineMembers.Opening.Runspaces.Property?.GetValue(null) is not IEnumerable<Runspace> runspaces
            || EngineMembers.Opening.SetState.Method is not { } setState)
        {
            return;
        }

        foreach (Runspace runspace in runspaces.Where(one => one.RunspaceStateInfo.State == RunspaceState.Opening))
        {
            if (EngineMembers.Opening.Disposed.Field?.GetValue(runspace) is true
                && EngineMembers.Opening.Ended.Field?.GetValue(runspace) is ManualResetEventSlim ended)
            {
                setState.Invoke(runspace, [RunspaceState.Closing]);
                ended.Set();
            }
        }
    }
}
