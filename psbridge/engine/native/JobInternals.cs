using System;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;

namespace PSBridge;

/// <summary>The members of Job that are internal and that PowerShell's own jobs live by.</summary>
/// <remarks>
/// A job that fills only its public streams is received as blocks: all output, then all errors.
/// PowerShell's own jobs also fill an internal collection of results, which Receive-Job reads in
/// the order of writing. These delegates are bound once; on an engine that has lost one of the
/// members <see cref="Ordered"/> is false, and all of them fall back to the public streams.
/// </remarks>
public static class JobInternals
{
    /// <summary>Whether this engine lets our jobs be received in the order of writing.</summary>
    public static bool Ordered { get; } = new[]
    {
        EngineMembers.Jobs.UsesResults, EngineMembers.Jobs.Results, EngineMembers.Jobs.WriteObject,
        EngineMembers.Jobs.WriteError, EngineMembers.Jobs.WriteWarning, EngineMembers.Jobs.WriteVerbose,
        EngineMembers.Jobs.WriteDebug, EngineMembers.Jobs.WriteProgress, EngineMembers.Jobs.WriteInformation,
    }.All(member => member.IsThere);

    internal static Action<Job, object?> WriteObject { get; } = Choose<object?>(
        EngineMembers.Jobs.WriteObject,
        (job, value) => job.Output.Add(value is null ? null! : PSObject.AsPSObject(value)));

    internal static Action<Job, ErrorRecord> WriteError { get; } =
        Choose<ErrorRecord>(EngineMembers.Jobs.WriteError, (job, record) => job.Error.Add(record));

    internal static Action<Job, string> WriteWarning { get; } =
        Choose<string>(EngineMembers.Jobs.WriteWarning, (job, text) => job.Warning.Add(new WarningRecord(text)));

    internal static Action<Job, string> WriteVerbose { get; } =
        Choose<string>(EngineMembers.Jobs.WriteVerbose, (job, text) => job.Verbose.Add(new VerboseRecord(text)));

    internal static Action<Job, string> WriteDebug { get; } =
        Choose<string>(EngineMembers.Jobs.WriteDebug, (job, text) => job.Debug.Add(new DebugRecord(text)));

    internal static Action<Job, ProgressRecord> WriteProgress { get; } =
        Choose<ProgressRecord>(EngineMembers.Jobs.WriteProgress, (job, record) => job.Progress.Add(record));

    internal static Action<Job, InformationRecord> WriteInformation { get; } =
        Choose<InformationRecord>(EngineMembers.Jobs.WriteInformation, (job, record) => job.Information.Add(record));

    internal static Action<Job, bool> UseResults { get; } =
        Choose<bool>(EngineMembers.Jobs.UsesResults, (_, _) => { });

    internal static Func<Job, bool> HasMoreData { get; } = ChooseHasMoreData();

    /// <summary>What Get-Job shows as PSJobTypeName.</summary>
    internal const string TypeName = "PythonJob";

    /// <summary>Set a job's state; where the engine has lost the way to give a reason, without it.</summary>
    internal static void SetState(Job job, JobState state, Exception? reason)
    {
        try
        {
            s_setState(job, state, reason);
        }
        catch (ObjectDisposedException)
        {
            // Removed in this moment; there is nobody left to tell.
        }
    }

    /// <summary>Whether a job has ended, with all of its children.</summary>
    /// <remarks>
    /// The engine's own parents (PSRemotingJob) count the ends that their children tell of. A child that is
    /// told to run while it fails tells of its end twice, and then the parent ends before another child has.
    /// Whoever has made another kind of job decides when that has ended.
    /// </remarks>
    /// <param name="job">Any job.</param>
    /// <returns>Whether it has.</returns>
    public static bool HasEnded(Job job) =>
        IsFinished(job.JobStateInfo.State)
        && ChildrenToEnd(job).All(child => IsFinished(child.JobStateInfo.State));

    /// <summary>Wait until a job has ended, with all of its children; a removed one has.</summary>
    /// <param name="job">Any job.</param>
    /// <param name="milliseconds">How long at most; -1 is for ever.</param>
    /// <returns>Whether it has.</returns>
    public static bool WaitForEnd(Job job, int milliseconds)
    {
        var waited = Stopwatch.StartNew();
        return Wait(job) && ChildrenToEnd(job).All(Wait);

        bool Wait(Job one)
        {
            int left = milliseconds < 0 ? milliseconds : Math.Max(0, milliseconds - (int)waited.ElapsedMilliseconds);
            try
            {
                return one.Finished.WaitOne(left);
            }
            catch (ObjectDisposedException)
            {
                return true;
            }
        }
    }

    private static Job[] ChildrenToEnd(Job job) => IsRemote(job) ? [.. job.ChildJobs] : [];

    /// <summary>Whether it is a parent of the engine's own, for other processes and machines.</summary>
    internal static bool IsRemote(Job job) => job.GetType().Name == "PSRemotingJob";

    /// <summary>Whether a state is one that a job does not leave.</summary>
    internal static bool IsFinished(JobState state) =>
        state is JobState.Completed or JobState.Failed or JobState.Stopped;

    /// <summary>Whether a state is one in which a job stays until somebody does something.</summary>
    internal static bool IsPersistent(JobState state) =>
        IsFinished(state) || state is JobState.Suspended or JobState.Disconnected;

    /// <summary>What suspending a job says whose work has no pause points.</summary>
    internal static PSNotSupportedException NotPausable(Job job) => new(
        $"{job.Name} cannot be suspended or resumed: a job written in Python can where its class says "
        + "pausable = True.");

    private static readonly Action<Job, JobState, Exception?> s_setState = ChooseSetState();

    private static Action<Job, JobState, Exception?> ChooseSetState()
    {
        if (EngineMembers.Jobs.SetState.Method is { } withReason)
        {
            return withReason.CreateDelegate<Action<Job, JobState, Exception?>>();
        }

        var without = EngineMembers.Jobs.SetStateAlone.Method!.CreateDelegate<Action<Job, JobState>>();
        return (job, state, _) => without(job, state);
    }

    private static Action<Job, T> Choose<T>(EngineMember member, Action<Job, T> fallback) =>
        Ordered ? member.Method!.CreateDelegate<Action<Job, T>>() : fallback;

    /// <summary>What gives the results of a job in the order of writing; null where there is none.</summary>
    internal static Func<Job, PSDataCollection<PSStreamObject>>? Results { get; } =
        EngineMembers.Jobs.Results.Method?.CreateDelegate<Func<Job, PSDataCollection<PSStreamObject>>>();

    private static Func<Job, bool> ChooseHasMoreData()
    {
        if (!Ordered)
        {
            return job => job.Output.IsOpen || job.Output.Count > 0 || job.Error.Count > 0
                || job.Verbose.Count > 0 || job.Debug.Count > 0 || job.Warning.Count > 0
                || job.Progress.Count > 0 || job.Information.Count > 0;
        }

        return job =>
        {
            PSDataCollection<PSStreamObject> records = Results!(job);
            return records.IsOpen || records.Count > 0;
        };
    }
}
