using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>A message of a job that runs elsewhere.</summary>
/// <param name="Record">A WarningRecord, a VerboseRecord or a DebugRecord.</param>
/// <param name="Location">The machine.</param>
public sealed record RemotingMessage(InformationalRecord Record, string Location);

/// <summary>A record of the information stream of a job that runs elsewhere.</summary>
/// <param name="Record">The record.</param>
/// <param name="Location">The machine.</param>
public sealed record RemotingInformation(InformationRecord Record, string Location);

/// <summary>What Receive-Job leaves in jobs that run elsewhere: Start-Job's, Invoke-Command's.</summary>
/// <remarks>
/// Of such a job Receive-Job writes the warnings, verbose and debug messages into its streams where
/// they have come as records, and shows them on the host, past all streams, where they have come as
/// calls of the host. The job keeps both in streams of its own, from where they are taken here.
/// </remarks>
public static class RemotingJobs
{
    /// <summary>The messages of a job and of its children, in the order of the children.</summary>
    /// <param name="job">The job.</param>
    /// <param name="keep">Whether they stay there for the next one.</param>
    /// <returns>
    /// WarningRecords, VerboseRecords and DebugRecords, in this order for each; null for a job of
    /// another kind, of which Receive-Job gives all.
    /// </returns>
    public static RemotingMessage[]? TakeMessages(Job job, bool keep)
    {
        if (!IsChild(job) && (job.ChildJobs.Count == 0 || !job.ChildJobs.All(IsChild)))
        {
            return null;
        }

        List<RemotingMessage> found = [];
        Take(job, keep, found);
        return [.. found];
    }

    /// <summary>The information records of a job and of its children, which Receive-Job writes too.</summary>
    /// <remarks>They do not say which machine of the job's they are from.</remarks>
    /// <param name="job">The job.</param>
    /// <param name="keep">Whether they stay there for the next one.</param>
    /// <returns>The records.</returns>
    public static RemotingInformation[] TakeInformation(Job job, bool keep)
    {
        IEnumerable<RemotingInformation> found = job.ChildJobs.SelectMany(child => TakeInformation(child, keep));
        if (IsChild(job))
        {
            ICollection<InformationRecord> records = keep ? Copy(job.Information) : job.Information.ReadAll();
            found = found.Concat(records.Select(record => new RemotingInformation(record, job.Location)));
        }

        return found.ToArray();
    }

    /// <summary>Whether a child was stopped, which leaves a parent of this kind Completed.</summary>
    /// <param name="job">The parent.</param>
    /// <returns>Whether one of its children that run elsewhere was stopped.</returns>
    public static bool IsCutShort(Job job) =>
        job.ChildJobs.Any(child => IsChild(child) && child.JobStateInfo.State == JobState.Stopped);

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

    private static void Take(Job job, bool keep, List<RemotingMessage> found)
    {
        foreach (Job child in job.ChildJobs)
        {
            Take(child, keep, found);
        }

        if (IsChild(job))
        {
            Take(job, job.Warning, keep, found);
            Take(job, job.Verbose, keep, found);
            Take(job, job.Debug, keep, found);
        }
    }

    private static void Take<T>(
        Job job, PSDataCollection<T> stream, bool keep, List<RemotingMessage> found)
        where T : InformationalRecord
    {
        // Not by iteration, which waits for more.
        ICollection<T> records = keep ? Copy(stream) : stream.ReadAll();
        found.AddRange(records.Select(record => new RemotingMessage(record, job.Location)));
    }

    private static T[] Copy<T>(PSDataCollection<T> stream)
    {
        T[] there = new T[stream.Count];
        stream.CopyTo(there, 0);
        return there;
    }

    /// <summary>Whether it is a job of the engine's own in another process or on another machine.</summary>
    internal static bool IsChild(Job job) => job.GetType().Name == "PSRemotingChildJob";
}
