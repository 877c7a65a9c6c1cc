using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>What is particular to jobs that run elsewhere: Start-Job's, Invoke-Command's.</summary>
public static class RemotingJobs
{
    /// <summary>Whether a child was stopped, which leaves a parent of this kind Completed.</summary>
    /// <remarks>One of Start-Job whose script calls exit is Stopped, too, and nobody has asked for that.</remarks>
    /// <param name="job">The parent.</param>
    /// <returns>Whether one of its children that run elsewhere was stopped.</returns>
    public static bool IsCutShort(Job job) => job.ChildJobs.Any(
        child => IsChild(child) && child.JobStateInfo.State == JobState.Stopped
            && EngineMembers.Sources.ChildStopAsked.Field?.GetValue(child) is not false);

    /// <summary>What a script on another machine gave to `exit`.</summary>
    /// <param name="job">A child job, or a parent with one.</param>
    /// <returns>The code; null where there is none.</returns>
    public static int? ExitCodeOf(Job job)
    {
        if (job.ChildJobs.Count == 1)
        {
            return ExitCodeOf(job.ChildJobs[0]);
        }

        object? info = IsChild(job) && EngineMembers.Sources.ChildRunspace.Property?.GetValue(job) is Runspace runspace
            ? runspace.ConnectionInfo
            : null;
        return info?.GetType().GetProperty("ExitCode")?.GetValue(info) as int?;
    }

    /// <summary>Whether it is a job of the engine's own in another process or on another machine.</summary>
    internal static bool IsChild(Job job) => job.GetType().Name == "PSRemotingChildJob";
}
