using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace PSBridge;

/// <summary>The job definitions of a session, and its Job2 jobs.</summary>
/// <remarks>
/// PowerShell calls all of this under its JobManager's lock. So nothing here calls Python, which
/// would wait for the GIL under that lock: a definition only makes a job object, and
/// <see cref="PythonPausableJob.StartJob"/>, which Start-Job calls outside, does the rest.
/// </remarks>
public sealed class PythonJobSource : JobSourceAdapter
{
    [ThreadStatic]
    private static PythonJobSource? s_made;

    private readonly ConcurrentDictionary<string, (string Command, Func<PythonPausableJob, Exception?> Start)>
        _definitions = new(StringComparer.OrdinalIgnoreCase);

    private readonly ConcurrentDictionary<Guid, PythonPausableJob> _jobs = new();

    /// <summary>For PowerShell, which makes the instance; see <see cref="Register"/>.</summary>
    public PythonJobSource()
    {
        Name = nameof(PythonJobSource);
        s_made = this;
    }

    /// <summary>Make the adapter of a runspace known to it.</summary>
    /// <param name="manager">The runspace's JobManager.</param>
    /// <returns>The adapter, or null where this engine does not let itself be told.</returns>
    /// <remarks>
    /// The public way is to import a binary module that exports the type, and would show the user
    /// a module that is nobody's.
    /// </remarks>
    public static PythonJobSource? Register(JobManager manager)
    {
        s_made = null;
        EngineMembers.Sources.Register.Method?.Invoke(manager, [typeof(PythonJobSource)]);
        return s_made;
    }

    /// <summary>Let Start-Job -DefinitionName start jobs of a name.</summary>
    /// <param name="name">The definition's name; one of that name is replaced.</param>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="start">See <see cref="PythonPausableJob"/>.</param>
    public void Define(string name, string command, Func<PythonPausableJob, Exception?> start) =>
        _definitions[name] = (command, start);

    /// <summary>Forget a definition; the jobs that it has started stay.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>False where there is none of that name.</returns>
    public bool Undefine(string name) => _definitions.TryRemove(name, out _);

    /// <summary>Let Get-Job find a job.</summary>
    /// <param name="job">The job.</param>
    public void Add(PythonPausableJob job) => _jobs[job.InstanceId] = job;

    /// <inheritdoc/>
    public override Job2? NewJob(string definitionName, string? definitionPath)
    {
        if (!_definitions.TryGetValue(definitionName, out var definition))
        {
            return null;
        }

        PythonPausableJob job = new(definition.Command, name: null, definition.Start);
        Add(job);
        return job;
    }

    /// <inheritdoc/>
    public override Job2? NewJob(JobInvocationInfo specification) => NewJob(specification.Definition.Name, null);

    /// <inheritdoc/>
    public override IList<Job2> GetJobs() => Where(_ => true);

    /// <inheritdoc/>
    public override IList<Job2> GetJobsByName(string name, bool recurse)
    {
        WildcardPattern pattern = WildcardPattern.Get(name, WildcardOptions.IgnoreCase);
        return Where(job => pattern.IsMatch(job.Name));
    }

    /// <inheritdoc/>
    public override IList<Job2> GetJobsByCommand(string command, bool recurse)
    {
        WildcardPattern pattern = WildcardPattern.Get(command, WildcardOptions.IgnoreCase);
        return Where(job => pattern.IsMatch(job.Command.Trim())
            || job.Command.Trim().Equals(command.Trim(), StringComparison.OrdinalIgnoreCase));
    }

    /// <inheritdoc/>
    public override Job2? GetJobByInstanceId(Guid instanceId, bool recurse) => _jobs.GetValueOrDefault(instanceId);

    /// <inheritdoc/>
    public override Job2? GetJobBySessionId(int id, bool recurse) => Where(job => job.Id == id).FirstOrDefault();

    /// <inheritdoc/>
    public override IList<Job2> GetJobsByState(JobState state, bool recurse) =>
        Where(job => job.JobStateInfo.State == state);

    /// <summary>Jobs whose properties have these values; texts may have wildcards.</summary>
    /// <param name="filter">Names of properties of a job, and values.</param>
    /// <param name="recurse">Not used: the children are found through their parents.</param>
    public override IList<Job2> GetJobsByFilter(Dictionary<string, object> filter, bool recurse) =>
        Where(job => filter.All(wanted => Matches(job, wanted.Key, wanted.Value)));

    /// <inheritdoc/>
    public override void RemoveJob(Job2 job) => _jobs.TryRemove(job.InstanceId, out _);

    private static bool Matches(Job job, string name, object? wanted)
    {
        object? value = name.Equals("State", StringComparison.OrdinalIgnoreCase)
            ? job.JobStateInfo.State
            : PSObject.AsPSObject(job).Properties[name]?.Value;
        string text = LanguagePrimitives.ConvertTo<string>(value) ?? string.Empty;
        string pattern = LanguagePrimitives.ConvertTo<string>(wanted) ?? string.Empty;
        return WildcardPattern.Get(pattern, WildcardOptions.IgnoreCase).IsMatch(text);
    }

    private List<Job2> Where(Func<PythonPausableJob, bool> condition) =>
        [.. _jobs.Values.Where(condition).OrderBy(job => job.Id)];
}
