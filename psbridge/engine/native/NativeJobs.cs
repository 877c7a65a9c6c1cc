using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Threading;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>PowerShell's own jobs, which end before their runspace closes.</summary>
/// <remarks>
/// A runspace stops its jobs in other processes when it closes, and no others: what
/// Start-ThreadJob and ForEach-Object -Parallel -AsJob have started runs on. At the end of the
/// process that is a crash: the C library's exit takes OpenSSL down, where Python has loaded it, and
/// a thread of .NET's that then asks it for a random number reads what is gone. Those in other
/// processes and on other machines are stopped here, too: the runspace fails to close where the
/// process of one has died, and waits for ever for one that never ends, such as one that was
/// disposed of while it ran.
/// </remarks>
public sealed class NativeJobs
{
    private const int AgainMilliseconds = 50;

    private readonly Job[] _jobs;
    private readonly SideBySide _stops;

    private NativeJobs(Job[] jobs, SideBySide stops) => (_jobs, _stops) = (jobs, stops);

    /// <summary>Begin to stop them, side by side.</summary>
    /// <param name="runspace">A runspace in which nothing runs.</param>
    /// <param name="repository">Its jobs, but for those of job source adapters.</param>
    /// <returns>Those that run, and their stops.</returns>
    public static NativeJobs BeginStop(Runspace runspace, JobRepository repository)
    {
        Job[] running = runspace.RunspaceStateInfo.State != RunspaceState.Opened
            || (repository.Jobs.Count == 0 && !HasSources(runspace.JobManager))
                ? []
                : [.. List(runspace).Where(job => job is not IPythonJob && IsToEnd(job))];
        // A stop may fail where the job's process has died in this moment; the job ends then, too.
        return new NativeJobs(running, SideBySide.Begin(running.Length, i => Stop(running[i])));
    }

    /// <summary>Wait until they have ended.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>Whether none runs any more.</returns>
    public bool Wait(int milliseconds)
    {
        var waited = Stopwatch.StartNew();
        return _stops.Wait(milliseconds)
            && Array.TrueForAll(_jobs, job => JobInternals.WaitForEnd(
                job, Math.Max(0, milliseconds - (int)waited.ElapsedMilliseconds)));
    }

    /// <summary>Stop one, and wait for that; where its code runs in this process, see <see cref="LastingStop"/>.</summary>
    /// <param name="job">Any job.</param>
    public static void Stop(Job job)
    {
        if (ParallelJobs.IsOne(job))
        {
            ParallelJobs.Stop(job);
        }
        else if (OwnRunspace(job) is { } runspace && LastingStop.Begin(runspace))
        {
            // What was stopped may be what comes before the job's script, such as the way to its folder.
            while (!JobInternals.WaitForEnd(job, AgainMilliseconds))
            {
                LastingStop.Begin(runspace);
            }
        }
        else
        {
            job.StopJob();
            if (JobInternals.IsFinished(job.JobStateInfo.State))
            {
                JobInternals.WaitForEnd(job, Timeout.Infinite);
            }
        }
    }

    // Its type is a module's, and has no other way to it. Another job's field may be somebody else's.
    private static Runspace? OwnRunspace(Job job) =>
        job.GetType().Name == "ThreadJob"
            ? EngineMember.FieldsOf(job.GetType(), typeof(Runspace)).FirstOrDefault()?.GetValue(job) as Runspace
            : null;

    /// <summary>Give up those that have not ended, so that the runspace does not wait for them.</summary>
    /// <remarks>One that was disposed of never ends, but nobody can wait for it either.</remarks>
    /// <param name="repository">The jobs of a runspace that is about to close.</param>
    public static void GiveUp(JobRepository repository)
    {
        foreach (Job job in repository.Jobs.Where(job => JobInternals.IsRemote(job) && IsToEnd(job)))
        {
            JobProcesses.Kill(job);
            repository.Remove(job);
        }
    }

    // Most sessions have no job, and asking Get-Job takes 15 ms the first time.
    private static bool HasSources(JobManager manager) =>
        EngineMembers.Sources.Adapters.Field?.GetValue(manager) is not ICollection { Count: 0 };

    // Not the JobRepository's: what a job source adapter has, such as ThreadJob's, is not in there.
    private static ICollection<Job> List(Runspace runspace)
    {
        using PowerShell pipeline = PowerShell.Create(runspace);
        pipeline.AddCommand(new CmdletInfo("Get-Job", typeof(GetJobCommand)));
        return pipeline.Invoke<Job>();
    }

    // One of Windows' own remoting is left to the engine, which disconnects it.
    private static bool IsToEnd(Job job) =>
        !JobInternals.HasEnded(job)
        && !(JobInternals.IsRemote(job) && job.ChildJobs.Any(child => JobProcesses.ConnectionOf(child) is WSManConnectionInfo));
}
