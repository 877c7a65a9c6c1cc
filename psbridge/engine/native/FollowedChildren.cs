using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>The children of a parent job, and the parent's state, which follows theirs.</summary>
/// <remarks>
/// <para>
/// The rule is PSRemotingJob's. Running at once. Blocked while any child is, and back when none is.
/// Once the last child has ended and no more will come: Failed where any child failed, else Stopped
/// where the parent's own stop was asked for, else Completed. Suspended while every child that has
/// begun and not ended is.
/// </para>
/// <para>
/// The lock is held for counting only; see <see cref="ShownState"/>.
/// </para>
/// </remarks>
public sealed class FollowedChildren
{
    private readonly Job _parent;
    private readonly ChildJobList _jobs;
    private readonly ShownState _shown;
    private readonly object _sync = new();
    private readonly List<string> _locations = [];
    private readonly int[] _inState = new int[(int)JobState.AtBreakpoint + 1];

    private bool _moreToCome = true;
    private bool _stopRequested;
    private bool _suspendRequested;
    private Exception? _failure;

    private Action? _disposeParent;
    private int _over;

    internal FollowedChildren(Job parent, ChildJobList jobs)
    {
        _parent = parent;
        _jobs = jobs;
        _shown = new ShownState(
            parent, _sync, StateByRule, DisposeAtSecondCall, () => ReceiveJobWaiters.TakeRest(parent));
    }

    internal Job Parent => _parent;

    /// <summary>Whether the parent is NotStarted, and not Running, until <see cref="Run"/> is called.</summary>
    /// <remarks>To be set before there are children.</remarks>
    public bool WaitsToBegin { get; set; }

    /// <summary>Whether a stop of the parent has been asked for.</summary>
    public bool StopRequested => Volatile.Read(ref _stopRequested);

    /// <summary>Whether the parent is to be suspended.</summary>
    internal bool SuspendRequested => Volatile.Read(ref _suspendRequested);

    internal string Location
    {
        get
        {
            lock (_sync)
            {
                return string.Join(",", _locations);
            }
        }
    }

    internal bool HasMoreData => _jobs.Any(child => child.HasMoreData);

    internal bool WorksOnThisThread => _jobs.OfType<PythonChildJob>().Any(child => child.WorksOnThisThread);

    /// <summary>Take a child that has not started.</summary>
    /// <param name="child">The child.</param>
    /// <returns>False where the parent is to stop: the child was not taken and must not start.</returns>
    public bool Add(PythonChildJob child)
    {
        lock (_sync)
        {
            if (_stopRequested || !_moreToCome)
            {
                return false;
            }

            Count(child.Followed, 1);
            if (!_locations.Contains(child.Location))
            {
                _locations.Add(child.Location);
            }

            child.Parent = this;
            child.StateChanged += OnChildStateChanged;
            _jobs.Add(child);
            if (_suspendRequested)
            {
                child.RequestSuspend();  // it has not begun, so no state changes under the lock
            }
        }

        ReceiveJobWaiters.Take(_parent, child);
        return true;
    }

    /// <summary>Run: to be called before the first child starts.</summary>
    public void Run()
    {
        lock (_sync)
        {
            WaitsToBegin = false;
        }

        _shown.Update();
    }

    /// <summary>Say that no more children will come; without any, the job has completed.</summary>
    /// <param name="failure">Why no more can be had, which fails the parent; null in peace.</param>
    public void NoMore(Exception? failure)
    {
        lock (_sync)
        {
            if (!_moreToCome)
            {
                return;
            }

            _moreToCome = false;
            _failure = failure;
        }

        _shown.Update();
    }

    /// <summary>Stop for a reason that fails the parent: what was to run could not be started.</summary>
    /// <param name="reason">The reason.</param>
    public void Fail(Exception reason)
    {
        lock (_sync)
        {
            _failure ??= reason;
        }

        RequestStop();
    }

    /// <summary>Ask all children to stop; those that have not begun are Stopped at once.</summary>
    public void RequestStop()
    {
        lock (_sync)
        {
            if (!_moreToCome && Unfinished == 0)
            {
                return;
            }

            _stopRequested = true;
            _moreToCome = false;
        }

        // First those that wait, for a child that stops frees a place at once.
        foreach (PythonChildJob child in _jobs.OfType<PythonChildJob>())
        {
            child.StopWaiting();
        }

        foreach (PythonChildJob child in _jobs.OfType<PythonChildJob>())
        {
            child.RequestStop();
        }

        _shown.Update();
    }

    /// <summary>Give up the children that have not ended.</summary>
    public void Abandon()
    {
        foreach (PythonChildJob child in _jobs.OfType<PythonChildJob>())
        {
            child.Abandon();
        }
    }

    internal void StopAndWait()
    {
        RequestStop();
        if (!WorksOnThisThread)
        {
            JobInternals.WaitForEnd(_parent, Timeout.Infinite);
        }
    }

    /// <summary>Stop the children, and dispose of the parent when all have ended; they can still be read.</summary>
    /// <param name="disposeParent">What the engine's own type does.</param>
    internal void DisposeWithParent(Action disposeParent)
    {
        if (Interlocked.CompareExchange(ref _disposeParent, disposeParent, null) is null)
        {
            RequestStop();
            DisposeAtSecondCall();
        }
    }

    internal void RequestSuspend()
    {
        lock (_sync)
        {
            _suspendRequested = true;
        }

        foreach (PythonChildJob child in _jobs.OfType<PythonChildJob>())
        {
            child.RequestSuspend();
        }

        _shown.Update();
    }

    internal void Resume()
    {
        lock (_sync)
        {
            _suspendRequested = false;
        }

        foreach (PythonChildJob child in _jobs.OfType<PythonChildJob>())
        {
            child.Resume();
        }

        _shown.Update();
    }

    internal void Unblock()
    {
        // Those that are blocked now: the next in the queue may come to its own question meanwhile.
        foreach (PythonChildJob child in _jobs.OfType<PythonChildJob>()
            .Where(child => child.JobStateInfo.State == JobState.Blocked).ToArray())
        {
            child.UnblockJob();
        }
    }

    private int Unfinished => In(JobState.NotStarted) + Begun;

    private int Begun => In(JobState.Running) + In(JobState.Blocked) + In(JobState.Suspended) + In(JobState.Suspending);

    private int In(JobState state) => _inState[(int)state];

    private void Count(JobState state, int change) => _inState[(int)state] += change;

    private void OnChildStateChanged(object? sender, JobStateEventArgs change)
    {
        PythonChildJob child = (PythonChildJob)sender!;
        JobState now = change.JobStateInfo.State;
        lock (_sync)
        {
            if (JobInternals.IsFinished(child.Followed))
            {
                return;
            }

            Count(child.Followed, -1);
            Count(now, 1);
            child.Followed = now;
        }

        if (JobInternals.IsFinished(now))
        {
            child.StateChanged -= OnChildStateChanged;
        }

        _shown.Update();
    }

    // Called when all has ended and when the parent is disposed of, as PythonChildJob's is.
    private void DisposeAtSecondCall()
    {
        if (Interlocked.Increment(ref _over) == 2)
        {
            _disposeParent!();
        }
    }

    private (JobState State, Exception? Reason) StateByRule()
    {
        if (!_moreToCome && Unfinished == 0)
        {
            return In(JobState.Failed) > 0 || _failure is not null ? (JobState.Failed, _failure)
                : _stopRequested ? (JobState.Stopped, null)
                : (JobState.Completed, null);
        }

        if (WaitsToBegin)
        {
            return (JobState.NotStarted, null);
        }

        if (In(JobState.Blocked) > 0)
        {
            return (JobState.Blocked, null);
        }

        bool allSuspended = In(JobState.Suspended) == Begun;
        if (_suspendRequested)
        {
            return (allSuspended ? JobState.Suspended : JobState.Suspending, null);
        }

        return (allSuspended && Begun > 0 ? JobState.Suspended : JobState.Running, null);
    }
}
