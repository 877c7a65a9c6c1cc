using System;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;
using System.Reflection;

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
    private static readonly (string Name, Type[] Parameters)[] s_members =
    [
        ("set_UsesResultsCollection", [typeof(bool)]),
        ("get_Results", []),
        ("WriteObject", [typeof(object)]),
        ("WriteError", [typeof(ErrorRecord)]),
        ("WriteWarning", [typeof(string)]),
        ("WriteVerbose", [typeof(string)]),
        ("WriteDebug", [typeof(string)]),
        ("WriteProgress", [typeof(ProgressRecord)]),
        ("WriteInformation", [typeof(InformationRecord)]),
    ];

    /// <summary>Whether this engine lets our jobs be received in the order of writing.</summary>
    public static bool Ordered { get; } =
        s_members.All(member => Find(member.Name, member.Parameters) is not null);

    internal static Action<Job, object?> WriteObject { get; } = Choose<object?>(
        "WriteObject", (job, value) => job.Output.Add(value is null ? null! : PSObject.AsPSObject(value)));

    internal static Action<Job, ErrorRecord> WriteError { get; } =
        Choose<ErrorRecord>("WriteError", (job, record) => job.Error.Add(record));

    internal static Action<Job, string> WriteWarning { get; } =
        Choose<string>("WriteWarning", (job, text) => job.Warning.Add(new WarningRecord(text)));

    internal static Action<Job, string> WriteVerbose { get; } =
        Choose<string>("WriteVerbose", (job, text) => job.Verbose.Add(new VerboseRecord(text)));

    internal static Action<Job, string> WriteDebug { get; } =
        Choose<string>("WriteDebug", (job, text) => job.Debug.Add(new DebugRecord(text)));

    internal static Action<Job, ProgressRecord> WriteProgress { get; } =
        Choose<ProgressRecord>("WriteProgress", (job, record) => job.Progress.Add(record));

    internal static Action<Job, InformationRecord> WriteInformation { get; } =
        Choose<InformationRecord>("WriteInformation", (job, record) => job.Information.Add(record));

    internal static Action<Job, bool> UseResults { get; } =
        Choose<bool>("set_UsesResultsCollection", (_, _) => { });

    internal static Func<Job, bool> HasMoreData { get; } = ChooseHasMoreData();

    /// <summary>Set state and reason; null where the engine only lets the state be set.</summary>
    internal static Action<Job, JobState, Exception?>? SetJobState { get; } =
        Find("SetJobState", [typeof(JobState), typeof(Exception)])
            ?.CreateDelegate<Action<Job, JobState, Exception?>>();

    private static Action<Job, T> Choose<T>(string name, Action<Job, T> fallback) =>
        Ordered ? Find(name, [typeof(T)])!.CreateDelegate<Action<Job, T>>() : fallback;

    private static Func<Job, bool> ChooseHasMoreData()
    {
        if (!Ordered)
        {
            return job => job.Output.IsOpen || job.Output.Count > 0 || job.Error.Count > 0
                || job.Verbose.Count > 0 || job.Debug.Count > 0 || job.Warning.Count > 0
                || job.Progress.Count > 0 || job.Information.Count > 0;
        }

        Func<Job, PSDataCollection<PSStreamObject>> results =
            Find("get_Results", [])!.CreateDelegate<Func<Job, PSDataCollection<PSStreamObject>>>();
        return job =>
        {
            PSDataCollection<PSStreamObject> records = results(job);
            return records.IsOpen || records.Count > 0;
        };
    }

    private static MethodInfo? Find(string name, Type[] parameters) => typeof(Job).GetMethod(
        name, BindingFlags.Instance | BindingFlags.NonPublic, binder: null, parameters, modifiers: null);
}
