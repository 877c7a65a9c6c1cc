using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>Tells one thread of Python's which jobs have ended, and which have written something.</summary>
/// <remarks>
/// Whoever writes, or changes a job's state, must not wait for Python's GIL, so nobody is called here: one
/// thread waits for numbers, for two thousand jobs as for one.
/// </remarks>
public sealed class JobNews
{
    private readonly Queue<long> _told = new();
    private readonly ConcurrentDictionary<long, Action> _watches = new();
    private bool _isClosed;

    /// <summary>Have the end of a job told.</summary>
    /// <param name="job">Any job.</param>
    /// <param name="number">What is told then, once; at once where it has ended.</param>
    public void Watch(Job job, long number)
    {
        // The engine's own parents end by their state before the last of their children may.
        Job[] parts = JobInternals.IsRemote(job) ? [job, .. job.ChildJobs] : [job];
        _watches[number] = Leave;
        foreach (Job part in parts)
        {
            part.StateChanged += Look;
        }

        Look(null, null);

        void Look(object? sender, JobStateEventArgs? changed)
        {
            if (JobInternals.HasEnded(job) && Forget(number))
            {
                Tell(number);
            }
            else if (JobQuestions.IsBlocked(job))
            {
                SideBySide.Begin(1, _ => JobQuestions.Answer(job));
            }
        }

        void Leave()
        {
            foreach (Job part in parts)
            {
                part.StateChanged -= Look;
            }
        }
    }

    /// <summary>Let the end of a job not be told.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>False where it has been told, or is not known.</returns>
    public bool Forget(long number)
    {
        bool isThere = _watches.TryRemove(number, out Action? leave);
        leave?.Invoke();
        return isThere;
    }

    /// <summary>Tell a number.</summary>
    /// <param name="number">The number.</param>
    public void Tell(long number)
    {
        lock (_told)
        {
            _told.Enqueue(number);
            Monitor.Pulse(_told);
        }
    }

    /// <summary>Wait for numbers.</summary>
    /// <returns>Those that were told; null once this is closed.</returns>
    public long[]? Take()
    {
        lock (_told)
        {
            while (_told.Count == 0 && !_isClosed)
            {
                Monitor.Wait(_told);
            }

            long[] found = _told.ToArray();
            _told.Clear();
            return _isClosed ? null : found;
        }
    }

    /// <summary>Let the thread that waits come back, for good.</summary>
    public void Close()
    {
        lock (_told)
        {
            _isClosed = true;
            Monitor.PulseAll(_told);
        }
    }
}

/// <summary>What whoever follows a job waits for.</summary>
public sealed class FollowerNews
{
    private readonly ManualResetEventSlim _there = new(true);
    private JobNews? _to;
    private long _number;

    /// <summary>Have it told, too; at once where there is something.</summary>
    /// <param name="to">Whom it is told.</param>
    /// <param name="number">What is told.</param>
    public void TellTo(JobNews to, long number)
    {
        _number = number;
        Volatile.Write(ref _to, to);
        if (_there.IsSet)
        {
            to.Tell(number);
        }
    }

    internal bool Wait(int milliseconds) => _there.Wait(milliseconds);

    internal void Forget() => _there.Reset();

    internal void Tell()
    {
        if (!_there.IsSet)
        {
            _there.Set();
            Volatile.Read(ref _to)?.Tell(_number);
        }
    }
}
