using System;
using System.Management.Automation;

namespace PSBridge;

/// <summary>Brings a job to the state that a rule says.</summary>
/// <remarks>
/// The engine takes any state at any time: two threads that set one each can leave a finished job
/// Running, and the event then tells everybody that. So the state is a rule over fields that a lock
/// guards, and one thread at a time sets it; whoever comes while another one is at it leaves the
/// change to that one, who looks again. It is set outside of the lock, for a handler may wait for
/// a reader (Receive-Job does), and the reader may ask something of the job.
/// </remarks>
internal sealed class ShownState
{
    private readonly Job _job;
    private readonly object _sync;
    private readonly Func<(JobState State, Exception? Reason)> _rule;
    private readonly Action? _beforeEnd;
    private readonly Action _afterEnd;
    private JobState _shown = JobState.NotStarted;
    private bool _showing;

    /// <param name="job">Whose state it is.</param>
    /// <param name="sync">The lock under which the rule is asked.</param>
    /// <param name="rule">What the state is to be; not asked again once it was a finished one.</param>
    /// <param name="afterEnd">Called once, when the state is a finished one.</param>
    /// <param name="beforeEnd">Called once, before it is.</param>
    public ShownState(
        Job job,
        object sync,
        Func<(JobState State, Exception? Reason)> rule,
        Action afterEnd,
        Action? beforeEnd = null)
    {
        _job = job;
        _sync = sync;
        _rule = rule;
        _afterEnd = afterEnd;
        _beforeEnd = beforeEnd;
    }

    /// <summary>Whether somebody else has set the state, as Receive-Job does with a blocked job; under the lock.</summary>
    public bool IsOverruled => !_showing && _job.JobStateInfo.State != _shown;

    /// <summary>Set the state where it is not what the rule says; not to be called under the lock.</summary>
    public void Update()
    {
        lock (_sync)
        {
            if (_showing)
            {
                return;
            }

            _showing = true;
        }

        while (true)
        {
            (JobState State, Exception? Reason) next;
            lock (_sync)
            {
                next = JobInternals.IsFinished(_shown) ? (_shown, null) : _rule();
                if (next.State == _shown)
                {
                    _showing = false;
                    return;
                }

                _shown = next.State;
            }

            if (JobInternals.IsFinished(next.State))
            {
                _beforeEnd?.Invoke();
            }

            JobInternals.SetState(_job, next.State, next.Reason);
            if (JobInternals.IsFinished(next.State) && _job.JobStateInfo.State != next.State)
            {
                // Receive-Job unblocked it in this very moment, and the event said Running.
                JobInternals.SetState(_job, next.State, next.Reason);
            }

            if (JobInternals.IsFinished(next.State))
            {
                _afterEnd();
            }
        }
    }
}
