using System;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>A child job whose work is done by Python.</summary>
/// <remarks>
/// It goes from NotStarted to Running (and Stopping) to one finished state, and never back:
/// whoever moves <see cref="_phase"/> makes the transition.
/// </remarks>
public sealed class PythonChildJob : PythonJob, IRecordSink
{
    private const int Waiting = 0;
    private const int Working = 1;
    private const int Ended = 2;

    private readonly string _location;
    private int _phase = Waiting;
    private Action? _onStop;
    private int _workerThread = -1;

    /// <summary>Make a child that has not started.</summary>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="name">Its name; null lets PowerShell choose one.</param>
    /// <param name="location">Where the work runs.</param>
    public PythonChildJob(string command, string? name, string location)
        : base(command, name)
    {
        _location = location;
    }

    /// <inheritdoc/>
    public override string Location => _location;

    /// <inheritdoc/>
    public override bool HasMoreData => JobInternals.HasMoreData(this);

    /// <inheritdoc/>
    public override bool WorksOnThisThread => Volatile.Read(ref _workerThread) == Environment.CurrentManagedThreadId;

    /// <summary>Begin to work, on the calling thread.</summary>
    /// <param name="onStop">
    /// Called at most once, from any thread, when a stop is asked for; it must not wait.
    /// </param>
    /// <returns>False where the job was stopped before it began.</returns>
    public bool TryBegin(Action? onStop)
    {
        Volatile.Write(ref _onStop, onStop);
        Volatile.Write(ref _workerThread, Environment.CurrentManagedThreadId);
        if (Interlocked.CompareExchange(ref _phase, Working, Waiting) != Waiting)
        {
            return false;
        }

        SetState(JobState.Running, null);
        if (StopRequested)
        {
            CallOnStop();
        }

        return true;
    }

    /// <summary>End the work.</summary>
    /// <param name="failure">What failed, or null. It does not count once a stop was asked for.</param>
    /// <returns>False where the job had ended already.</returns>
    public bool Finish(Exception? failure)
    {
        JobState state = StopRequested ? JobState.Stopped
            : failure is null ? JobState.Completed
            : JobState.Failed;
        return TryEnd(Working, state, state == JobState.Failed ? failure : null);
    }

    /// <summary>Give up work that does not stop: the job is Stopped, and what it writes is dropped.</summary>
    /// <returns>False where the job had ended already.</returns>
    public bool Abandon()
    {
        RequestStop();
        return TryEnd(Working, JobState.Stopped, null);
    }

    /// <inheritdoc/>
    public override void RequestStop()
    {
        base.RequestStop();
        if (!TryEnd(Waiting, JobState.Stopped, null))
        {
            CallOnStop();
        }
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

    private bool TryEnd(int from, JobState state, Exception? reason)
    {
        if (Interlocked.CompareExchange(ref _phase, Ended, from) != from)
        {
            return false;
        }

        Volatile.Write(ref _onStop, null);
        Volatile.Write(ref _workerThread, -1);
        SetState(state, reason);
        return true;
    }

    private void CallOnStop()
    {
        if (Interlocked.Exchange(ref _onStop, null) is { } onStop && Border.TryEnter())
        {
            try
            {
                onStop();
            }
            finally
            {
                Border.Leave();
            }
        }
    }
}
