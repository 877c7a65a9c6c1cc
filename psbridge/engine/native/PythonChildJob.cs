using System;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>A child job whose work is done by Python.</summary>
/// <remarks>
/// Everything that PowerShell asks of it is answered from fields: no cmdlet waits for Python, except
/// where it asks for a stop. It goes from NotStarted to Running (and Blocked, Suspending, Suspended
/// and back) to one finished state, and never further: whoever moves <see cref="_phase"/> to its end
/// says which.
/// </remarks>
public sealed class PythonChildJob : Job, IRecordSink, IPythonJob
{
    private const int Waiting = 0;
    private const int Working = 1;
    private const int Ended = 2;

    private readonly string _location;
    private readonly object _sync = new();
    private readonly ShownState _shown;
    private volatile string _statusMessage = string.Empty;
    private volatile bool _stopRequested;
    private volatile Exception? _stopReason;
    private int _phase = Waiting;
    private Action? _onStop;
    private Action? _whenDropped;
    private CancellationTokenSource? _stop;
    private int _workerThread = -1;
    private int _disposed;
    private int _over;

    // Guarded by _sync, and what the state is made from.
    private bool _begun;
    private bool _suspendRequested;
    private bool _atPausePoint;
    private bool _blocked;
    private (JobState State, Exception? Reason)? _end;

    /// <summary>Make a child that has not started.</summary>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="name">Its name; null lets PowerShell choose one.</param>
    /// <param name="location">Where the work runs.</param>
    public PythonChildJob(string command, string? name, string location)
        : base(command, name)
    {
        _location = location;
        PSJobTypeName = JobInternals.TypeName;
        JobInternals.UseResults(this, true);
        JobBuffers.PrepareResults(this);
        _shown = new ShownState(this, _sync, StateByRule, DisposeAtSecondCall);
    }

    /// <inheritdoc/>
    public override string Location => _location;

    /// <inheritdoc/>
    public override string StatusMessage => _statusMessage;

    /// <inheritdoc/>
    public override bool HasMoreData => JobInternals.HasMoreData(this);

    /// <summary>Whether a stop has been asked for.</summary>
    public bool StopRequested => _stopRequested;

    /// <summary>Whether the work has pause points.</summary>
    public bool IsPausable { get; set; }

    /// <summary>Whether the work is to wait at its next pause point.</summary>
    public bool SuspendRequested => Volatile.Read(ref _suspendRequested);

    /// <inheritdoc/>
    public bool WorksOnThisThread => Volatile.Read(ref _workerThread) == Environment.CurrentManagedThreadId;

    /// <summary>Cancelled when a stop is asked for.</summary>
    public CancellationToken StopToken => LazyInitializer.EnsureInitialized(ref _stop, MakeStop).Token;

    /// <summary>The parent's children, of which this is one.</summary>
    internal FollowedChildren? Parent { get; set; }

    /// <summary>The state in which the parent has counted this child; guarded by the parent.</summary>
    internal JobState Followed { get; set; } = JobState.NotStarted;

    /// <summary>Begin to work, on the calling thread.</summary>
    /// <param name="onStop">
    /// Called at most once, from any thread, when a stop is asked for; it must not wait.
    /// </param>
    /// <returns>False where the job was stopped before it began.</returns>
    public bool TryBegin(Action? onStop)
    {
        if (Parent is { StopRequested: true })
        {
            // A place that a stopped child has freed; this one is about to be stopped as well.
            StopWaiting();
        }

        Volatile.Write(ref _onStop, onStop);
        Volatile.Write(ref _workerThread, Environment.CurrentManagedThreadId);
        if (Interlocked.CompareExchange(ref _phase, Working, Waiting) != Waiting)
        {
            Volatile.Write(ref _onStop, null);
            Volatile.Write(ref _workerThread, -1);
            return false;
        }

        Volatile.Write(ref _whenDropped, null);
        lock (_sync)
        {
            _begun = true;
        }

        _shown.Update();
        if (StopRequested)
        {
            CallOnStop();
        }

        return true;
    }

    /// <summary>Say whom to tell where it is stopped before it has begun.</summary>
    /// <param name="call">Called at most once, from any thread; now, where it has been.</param>
    public void WhenDropped(Action call)
    {
        Volatile.Write(ref _whenDropped, call);
        if (Volatile.Read(ref _phase) == Ended)
        {
            CallWhenDropped();
        }
    }

    /// <summary>Say that the calling thread does the work, not the one that began it.</summary>
    public void WorkOnThisThread() => Volatile.Write(ref _workerThread, Environment.CurrentManagedThreadId);

    /// <summary>Say how the work stands; Get-Job's StatusMessage.</summary>
    /// <param name="text">What to say.</param>
    public void SetStatusMessage(string text) => _statusMessage = text;

    /// <summary>End the work.</summary>
    /// <param name="failure">What failed, or null. It does not count once a stop was asked for.</param>
    /// <returns>False where the job had ended already.</returns>
    public bool Finish(Exception? failure)
    {
        Exception? reason = StopRequested ? _stopReason : failure;
        JobState state = reason is not null ? JobState.Failed
            : StopRequested ? JobState.Stopped
            : JobState.Completed;
        return TryEnd(Working, state, reason, lastWarning: null);
    }

    /// <summary>Give up work that does not stop: the job ends, says so, and what it still writes is dropped.</summary>
    /// <returns>False where the job had ended already.</returns>
    public bool Abandon()
    {
        RequestStop();
        return TryEnd(
            Working,
            _stopReason is null ? JobState.Stopped : JobState.Failed,
            _stopReason,
            $"{Command} was asked to stop and did not. It was given up: its code may still run, and what it "
                + "writes from now on is dropped.");
    }

    /// <inheritdoc/>
    public void RequestStop()
    {
        _stopRequested = true;
        Volatile.Read(ref _stop)?.Cancel();
        if (!StopWaiting())
        {
            CallOnStop();
        }

        Wake();
    }

    /// <summary>Stop a child that has not begun.</summary>
    /// <returns>False where it has begun.</returns>
    internal bool StopWaiting() => TryEnd(Waiting, JobState.Stopped, null, lastWarning: null);

    /// <summary>Ask the work to stop for a reason that makes the job Failed, such as a time limit.</summary>
    /// <param name="reason">The reason. It does not count where a stop has been asked for before.</param>
    public void StopBecause(Exception reason)
    {
        if (!StopRequested)
        {
            _stopReason = reason;
        }

        RequestStop();
    }

    /// <summary>Ask the work to stop, and wait until it has; the work itself only asks.</summary>
    public override void StopJob()
    {
        RequestStop();
        if (!WorksOnThisThread)
        {
            WaitForFinish(Timeout.Infinite);
        }
    }

    /// <inheritdoc/>
    public bool WaitForFinish(int milliseconds) => JobInternals.WaitForEnd(this, milliseconds);

    /// <summary>Stop the work; the streams are disposed of when it has ended, which this does not wait for.</summary>
    /// <param name="disposing">Whether this is a call of Dispose.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            RequestStop();
            DisposeAtSecondCall();
        }
    }

    /// <summary>Ask the work to wait at its next pause point; one that has not begun does not begin.</summary>
    public void SuspendJob()
    {
        CheckPausable();
        RequestSuspend();
    }

    /// <summary>Let suspended work go on.</summary>
    public void ResumeJob()
    {
        CheckPausable();
        Resume();
    }

    /// <summary>Let blocked work go on.</summary>
    public void UnblockJob()
    {
        lock (_sync)
        {
            _blocked = false;
        }

        _shown.Update();
        Wake();
    }

    /// <summary>Whether the work, at a pause point or before its beginning, is to wait there.</summary>
    /// <param name="milliseconds">How long this call waits; then it is to be asked again.</param>
    public bool IsSuspended(int milliseconds)
    {
        bool Look()
        {
            lock (_sync)
            {
                _atPausePoint = _suspendRequested && !StopRequested;
            }

            _shown.Update();
            return _atPausePoint;
        }

        if (!Look())
        {
            return false;
        }

        WaitWhile(() => _suspendRequested && !StopRequested, milliseconds);
        return Look();
    }

    /// <summary>Go to the state Blocked; <see cref="IsBlocked"/> says for how long.</summary>
    public void Block()
    {
        lock (_sync)
        {
            _blocked = !StopRequested;
        }

        _shown.Update();
    }

    /// <summary>Whether the work is to wait until somebody unblocks it; Receive-Job does, too.</summary>
    /// <param name="milliseconds">How long this call waits; then it is to be asked again.</param>
    public bool IsBlocked(int milliseconds)
    {
        WaitWhile(() => _blocked && !StopRequested && !_shown.IsOverruled, milliseconds);
        lock (_sync)
        {
            _blocked = _blocked && !StopRequested && !_shown.IsOverruled;
        }

        _shown.Update();
        return _blocked;
    }

    /// <inheritdoc/>
    public bool Write(object? value) => Add(JobInternals.WriteObject, value);

    /// <inheritdoc/>
    public bool WriteError(ErrorRecord record) => Add(JobInternals.WriteError, record);

    /// <inheritdoc/>
    public bool WriteWarning(string text) => Add(JobInternals.WriteWarning, text);

    /// <inheritdoc/>
    public bool WriteVerbose(string text) => Add(JobInternals.WriteVerbose, text);

    /// <inheritdoc/>
    public bool WriteDebug(string text) => Add(JobInternals.WriteDebug, text);

    /// <inheritdoc/>
    public bool WriteInformation(InformationRecord record) => Add(JobInternals.WriteInformation, record);

    /// <inheritdoc/>
    public bool WriteProgress(ProgressRecord record) => Add(JobInternals.WriteProgress, record);

    private CancellationTokenSource MakeStop()
    {
        CancellationTokenSource stop = new();
        if (StopRequested)
        {
            stop.Cancel();
        }

        return stop;
    }

    private bool Add<T>(Action<Job, T> write, T record)
    {
        if (StopRequested || Volatile.Read(ref _phase) != Working)
        {
            return false;
        }

        try
        {
            write(this, record);
            return true;
        }
        catch (Exception error) when (
            error is InvalidOperationException && Volatile.Read(ref _phase) == Ended)
        {
            // It ended between the look and the write: the streams are closed (or disposed of).
            return false;
        }
    }

    private bool TryEnd(int from, JobState state, Exception? reason, string? lastWarning)
    {
        if (Interlocked.CompareExchange(ref _phase, Ended, from) != from)
        {
            return false;
        }

        Volatile.Write(ref _onStop, null);
        Volatile.Write(ref _workerThread, -1);
        if (lastWarning is not null)
        {
            JobInternals.WriteWarning(this, lastWarning);
        }

        lock (_sync)
        {
            _end = (state, reason);  // not before: whoever shows it closes the streams
        }

        _shown.Update();
        CallWhenDropped();
        return true;
    }

    private void CallWhenDropped()
    {
        if (Interlocked.Exchange(ref _whenDropped, null) is { } whenDropped)
        {
            Border.TryCall(whenDropped);
        }
    }

    // Called when it has ended and when it is disposed of: a state that is set after the engine's
    // Dispose would reach nobody.
    private void DisposeAtSecondCall()
    {
        if (Interlocked.Increment(ref _over) == 2)
        {
            base.Dispose(true);
        }
    }

    private void CallOnStop()
    {
        if (Interlocked.Exchange(ref _onStop, null) is { } onStop)
        {
            Border.TryCall(onStop);
        }
    }

    internal void RequestSuspend()
    {
        lock (_sync)
        {
            _suspendRequested = true;
        }

        _shown.Update();
    }

    internal void Resume()
    {
        lock (_sync)
        {
            _suspendRequested = false;
        }

        _shown.Update();
        Wake();
    }

    private (JobState State, Exception? Reason) StateByRule()
    {
        if (_end is { } end)
        {
            return end;
        }

        JobState state = !_begun ? JobState.NotStarted
            : _blocked ? JobState.Blocked
            : !_suspendRequested || StopRequested ? JobState.Running
            : _atPausePoint ? JobState.Suspended
            : JobState.Suspending;
        return (state, null);
    }

    private void CheckPausable()
    {
        if (!IsPausable)
        {
            throw JobInternals.NotPausable(this);
        }
    }

    private void WaitWhile(Func<bool> condition, int milliseconds)
    {
        lock (_sync)
        {
            if (condition())
            {
                Monitor.Wait(_sync, milliseconds);
            }
        }
    }

    private void Wake()
    {
        lock (_sync)
        {
            Monitor.PulseAll(_sync);
        }
    }
}
