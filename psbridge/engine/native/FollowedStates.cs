using System;
using System.Collections.Generic;
using System.Management.Automation;

namespace PSBridge;

/// <summary>The states of a job and of its children, as they come.</summary>
public sealed class FollowedStates : IDisposable
{
    private readonly Job _job;
    private readonly HashSet<Job> _known = [];
    private readonly Queue<JobStateSeen> _seen = new();
    private readonly Dictionary<Job, JobState> _last = [];
    private readonly FollowerNews _news = new();

    /// <summary>Begin with the states that there are.</summary>
    /// <param name="job">Any job; its children are followed, too.</param>
    public FollowedStates(Job job)
    {
        _job = job;
        FindJobs();
    }

    /// <summary>What tells that there may be a further one.</summary>
    public FollowerNews News => _news;

    /// <summary>Wait until there may be a further one.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>Whether there may be.</returns>
    public bool Wait(int milliseconds) => _news.Wait(milliseconds);

    /// <summary>Take those that there are.</summary>
    /// <returns>The states in their order; null where the job has ended and all were taken.</returns>
    public JobStateSeen[]? Take()
    {
        bool isOver = JobInternals.HasEnded(_job);
        _news.Forget();
        FindJobs();
        lock (_seen)
        {
            if (isOver)
            {
                // A job is in its last state before it tells of that.
                foreach (Job each in _known)
                {
                    Add(each, each.JobStateInfo.State);
                }
            }

            JobStateSeen[] found = [.. _seen];
            _seen.Clear();
            return found.Length == 0 && isOver ? null : found;
        }
    }

    /// <summary>Let go of the job.</summary>
    public void Dispose()
    {
        foreach (Job each in _known)
        {
            each.StateChanged -= OnStateChanged;
        }
    }

    private void FindJobs()
    {
        foreach (Job each in JobRecords.WithChildren(_job))
        {
            if (!_known.Add(each))
            {
                continue;
            }

            lock (_seen)
            {
                each.StateChanged += OnStateChanged;
                Add(each, each.JobStateInfo.State);
            }
        }
    }

    private void OnStateChanged(object? sender, JobStateEventArgs changed)
    {
        if (sender is Job one)
        {
            lock (_seen)
            {
                Add(one, changed.JobStateInfo.State);
            }
        }
    }

    private void Add(Job one, JobState state)
    {
        if (!_last.TryGetValue(one, out JobState last) || last != state)
        {
            _last[one] = state;
            _seen.Enqueue(new JobStateSeen(one, state.ToString(), DateTime.UtcNow));
        }

        _news.Tell();
    }
}

/// <summary>A state in which a job was seen.</summary>
/// <param name="Job">The job.</param>
/// <param name="State">Its state's name.</param>
/// <param name="Time">When, in UTC.</param>
public sealed record JobStateSeen(Job Job, string State, DateTime Time);
