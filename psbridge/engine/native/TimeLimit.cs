using System;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace PSBridge;

/// <summary>The time limit of a job that is PowerShell's own: how long it has run, and its end.</summary>
/// <remarks>
/// A job that is stopped becomes Stopped, and that is what nobody has asked for. Here it becomes Failed and
/// says why. For a child in another process the engine is told that this has failed it, so that its parent
/// counts one end. The others have a state that is set once more when they are Stopped, before who waits for
/// them sees it.
/// It does not keep the job alive.
/// </remarks>
public sealed class TimeLimit
{
    // How long it takes at most from the death of a job's process to the end of the job.
    private const int SettleMilliseconds = 2000;

    private readonly WeakReference<Job> _job;
    private long _begun;

    /// <summary>Look from now on when a job begins.</summary>
    /// <param name="job">The job; a child of Start-Job begins with its process.</param>
    public TimeLimit(Job job)
    {
        _job = new WeakReference<Job>(job);
        if (JobProcesses.RunspaceOf(job) is { } runspace)
        {
            runspace.StateChanged += (_, _) => Begin();
            if (runspace.RunspaceStateInfo.State != RunspaceState.BeforeOpen)
            {
                Begin();
            }
        }
        else
        {
            job.StateChanged += (_, _) => Begin();
            if (job.JobStateInfo.State != JobState.NotStarted)
            {
                Begin();
            }
        }
    }

    /// <summary>For how many seconds it has run; less than 0 where it has not begun.</summary>
    public double Seconds =>
        Interlocked.Read(ref _begun) is var begun && begun == 0 ? -1 : Stopwatch.GetElapsedTime(begun).TotalSeconds;

    /// <summary>Whether there is nothing to limit any more.</summary>
    public bool IsOver => !_job.TryGetTarget(out Job? job) || JobInternals.HasEnded(job);

    /// <summary>Begin to stop the job, whose time is up; this does not wait.</summary>
    /// <param name="reason">Why it is Failed.</param>
    /// <param name="graceMilliseconds">
    /// How long it has to stop. Then its process is killed; what runs in this process is given up.
    /// </param>
    /// <returns>False where it has ended.</returns>
    public bool Expire(Exception reason, int graceMilliseconds)
    {
        if (!_job.TryGetTarget(out Job? job) || JobInternals.HasEnded(job))
        {
            return false;
        }

        foreach (Job one in job.ChildJobs.Append(job).ToArray())
        {
            LetFail(one, reason);
        }

        SideBySide.Begin(1, _ => NativeJobs.Stop(job));
        JobProcesses.Later(graceMilliseconds, () => GiveUp(job, reason));
        return true;
    }

    private void Begin() => Interlocked.CompareExchange(ref _begun, Stopwatch.GetTimestamp(), 0);

    private static void LetFail(Job job, Exception reason)
    {
        if (JobProcesses.RunspaceOf(job) is not null
            && EngineMembers.Remoting.HelperOfChild.Property?.GetValue(job) is { } helper
            && EngineMembers.Remoting.Failure.Field is { } failure)
        {
            failure.SetValue(helper, reason);
            return;
        }

        job.StateChanged += (_, change) =>
        {
            if (change.PreviousJobStateInfo.State == JobState.NotStarted)
            {
                return;  // it never began
            }

            bool isParent = job.ChildJobs.Count > 0;
            JobStateInfo now = change.JobStateInfo;
            if (now.State == JobState.Stopped || (now.State == JobState.Failed && !isParent && now.Reason != reason))
            {
                Fail(job, reason);
            }
        };
    }

    // A parent's reason is shown beside its children's.
    private static void Fail(Job job, Exception reason) => JobInternals.SetState(
        job, JobState.Failed, job.ChildJobs.Any(child => child.JobStateInfo.Reason is not null) ? null : reason);

    private static void GiveUp(Job job, Exception reason)
    {
        if (JobInternals.HasEnded(job))
        {
            return;
        }

        if (JobProcesses.HasProcess(job))
        {
            JobProcesses.Kill(job);
            JobProcesses.Later(SettleMilliseconds, () => End(job, reason));
        }
        else
        {
            End(job, reason);
        }
    }

    private static void End(Job job, Exception reason)
    {
        ParallelJobs.EndThoseThatWait(job);
        foreach (Job one in job.ChildJobs.Append(job).ToArray())
        {
            if (!JobInternals.IsFinished(one.JobStateInfo.State))
            {
                Fail(one, reason);
            }
        }
    }
}
