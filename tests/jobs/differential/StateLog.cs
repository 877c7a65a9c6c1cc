using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;

namespace PSBridge.Differential;

/// <summary>The changes of state of some jobs, each job's in their order.</summary>
public sealed class StateLog
{
    private readonly List<(int Id, string Change)> _changes = [];

    /// <summary>Begin to listen.</summary>
    public StateLog(Job[] jobs)
    {
        foreach (Job job in jobs)
        {
            job.StateChanged += OnStateChanged;
        }
    }

    /// <summary>What has happened to a job, such as "Running, then Stopped".</summary>
    public string[] Changes(int id)
    {
        lock (_changes)
        {
            return _changes.Where(entry => entry.Id == id).Select(entry => entry.Change).ToArray();
        }
    }

    private void OnStateChanged(object? sender, JobStateEventArgs change)
    {
        // PSTaskJob says that it has stopped once or twice, as it happens.
        if (change.PreviousJobStateInfo.State == change.JobStateInfo.State)
        {
            return;
        }

        string text = $"{change.PreviousJobStateInfo.State}, then {change.JobStateInfo.State}";
        lock (_changes)
        {
            _changes.Add((((Job)sender!).Id, text));
        }
    }
}
