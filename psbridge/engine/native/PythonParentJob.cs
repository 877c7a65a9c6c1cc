using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>The job that stands in the repository: it does no work, its children do.</summary>
/// <remarks>
/// Its state follows the children by PSRemotingJob's precedence. Running at once; when the last
/// child has ended: Failed where any child failed, else Stopped where this job's own stop was
/// asked for, else Completed. All children are here before the first one starts and before anyone
/// else sees this job, so the number of those to wait for is known and counting them down needs
/// no lock.
/// </remarks>
public sealed class PythonParentJob : PythonJob
{
    private int _unfinished;
    private int _anyFailed;

    /// <summary>Make a parent, which is given its children by <see cref="Attach"/>.</summary>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="name">Its name; null lets PowerShell choose one.</param>
    public PythonParentJob(string command, string? name)
        : base(command, name)
    {
    }

    /// <summary>Take the children, once, and run.</summary>
    /// <param name="children">The children, none of them started; without any, the job has completed.</param>
    public void Attach(IReadOnlyCollection<PythonChildJob> children)
    {
        _unfinished = children.Count;
        foreach (PythonChildJob child in children)
        {
            ChildJobs.Add(child);
            child.StateChanged += OnChildStateChanged;
        }

        SetState(JobState.Running, null);
        if (children.Count == 0)
        {
            SetState(JobState.Completed, null);
        }
    }

    /// <inheritdoc/>
    public override string Location =>
        string.Join(",", ChildJobs.Select(child => child.Location).Distinct());

    /// <inheritdoc/>
    public override bool WorksOnThisThread =>
        ChildJobs.OfType<PythonChildJob>().Any(child => child.WorksOnThisThread);

    /// <inheritdoc/>
    public override bool HasMoreData => ChildJobs.Any(child => child.HasMoreData);

    /// <inheritdoc/>
    public override void RequestStop()
    {
        if (Volatile.Read(ref _unfinished) == 0)
        {
            return;
        }

        base.RequestStop();
        List<Exception>? failures = null;
        foreach (PythonChildJob child in ChildJobs.OfType<PythonChildJob>())
        {
            try
            {
                child.RequestStop();
            }
            catch (Exception error)
            {
                // One child's stop must not keep the others running.
                (failures ??= []).Add(error);
            }
        }

        if (failures is not null)
        {
            throw new AggregateException(failures);
        }
    }

    private void OnChildStateChanged(object? sender, JobStateEventArgs change)
    {
        JobState state = change.JobStateInfo.State;
        if (state is not (JobState.Completed or JobState.Failed or JobState.Stopped))
        {
            return;
        }

        ((Job)sender!).StateChanged -= OnChildStateChanged;
        if (state == JobState.Failed)
        {
            Volatile.Write(ref _anyFailed, 1);
        }

        if (Interlocked.Decrement(ref _unfinished) == 0)
        {
            JobState final = Volatile.Read(ref _anyFailed) == 1 ? JobState.Failed
                : StopRequested ? JobState.Stopped
                : JobState.Completed;
            SetState(final, null);
        }
    }
}
