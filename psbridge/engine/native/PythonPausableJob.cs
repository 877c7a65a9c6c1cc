using System;
using System.ComponentModel;
using System.Management.Automation;
using System.Threading;
using System.Threading.Tasks;

namespace PSBridge;

/// <summary>A parent job that can be suspended and blocked, or that a definition starts: a Job2.</summary>
/// <remarks>
/// It is not in the repository but with <see cref="PythonJobSource"/>: the job cmdlets take a Job2
/// away only through the adapter that it comes from. Its children are plain jobs, whose records
/// are received in the order of writing; those of a Job2 would be received as blocks.
/// </remarks>
public sealed class PythonPausableJob : Job2, IPythonJob
{
    private readonly Func<PythonPausableJob, Exception?>? _start;
    private int _started;

    /// <summary>Make a parent without children.</summary>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="name">Its name; null lets PowerShell choose one.</param>
    /// <param name="start">
    /// What StartJob calls, once: it gives the job its children and starts them, or says what went
    /// wrong. Null for a job that is started by whoever makes it.
    /// </param>
    public PythonPausableJob(string command, string? name, Func<PythonPausableJob, Exception?>? start)
        : this(command, name, start, [])
    {
    }

    private PythonPausableJob(
        string command, string? name, Func<PythonPausableJob, Exception?>? start, ChildJobList jobs)
        : base(command, name, jobs)
    {
        PSJobTypeName = JobInternals.TypeName;
        _start = start;
        Children = new FollowedChildren(this, jobs);
    }

    /// <summary>Its children, and what is asked of all of them.</summary>
    public FollowedChildren Children { get; }

    /// <summary>Whether the work has pause points; a definition may start work that has none.</summary>
    public bool IsPausable { get; set; }

    /// <inheritdoc/>
    public override string Location => Children.Location;

    /// <inheritdoc/>
    public override string StatusMessage => string.Empty;

    /// <inheritdoc/>
    public override bool HasMoreData => Children.HasMoreData;

    /// <inheritdoc/>
    public bool WorksOnThisThread => Children.WorksOnThisThread;

    /// <inheritdoc/>
    public void RequestStop() => Children.RequestStop();

    /// <inheritdoc/>
    public bool WaitForFinish(int milliseconds) => JobInternals.WaitForEnd(this, milliseconds);

    /// <summary>Stop the work; all is disposed of when it has ended, which this does not wait for.</summary>
    /// <param name="disposing">Whether this is a call of Dispose.</param>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Children.DisposeWithParent(() => base.Dispose(true));
        }
    }

    /// <summary>Start a job that a definition has made; any other one has been started.</summary>
    public override void StartJob()
    {
        if (_start is null || Interlocked.Exchange(ref _started, 1) != 0)
        {
            throw new InvalidJobStateException(
                JobStateInfo.State, "A job written in Python is started once, by whoever makes it.");
        }

        if (!Border.TryEnter())
        {
            throw new PipelineStoppedException();
        }

        try
        {
            if (_start(this) is { } failure)
            {
                Children.Fail(failure);
            }
        }
        finally
        {
            Border.Leave();
        }
    }

    /// <inheritdoc/>
    public override void StartJobAsync() => Later(StartJob, OnStartJobCompleted);

    /// <inheritdoc/>
    public override void StopJob() => Children.StopAndWait();

    /// <summary>Ask the work to stop; StopJobCompleted says when it has.</summary>
    /// <remarks>
    /// No thread waits meanwhile, so a hundred jobs that take their time stop side by side.
    /// </remarks>
    public override void StopJobAsync()
    {
        RequestStop();
        ThreadPool.RegisterWaitForSingleObject(
            Finished,
            (_, _) => OnStopJobCompleted(new AsyncCompletedEventArgs(null, false, null)),
            state: null,
            Timeout.Infinite,
            executeOnlyOnce: true);
    }

    /// <inheritdoc/>
    public override void StopJob(bool force, string reason) => StopJob();

    /// <inheritdoc/>
    public override void StopJobAsync(bool force, string reason) => StopJobAsync();

    /// <summary>Whether the work is to wait at its next pause point.</summary>
    public bool SuspendRequested => Children.SuspendRequested;

    /// <summary>Suspend the work, and wait until it is at a pause point, has ended or was resumed.</summary>
    public override void SuspendJob()
    {
        RequestSuspend();
        using ManualResetEventSlim changed = new();
        void OnChange(object? sender, JobStateEventArgs change) => changed.Set();
        StateChanged += OnChange;
        try
        {
            while (SuspendRequested && !JobInternals.IsPersistent(JobStateInfo.State) && !WorksOnThisThread)
            {
                changed.Wait(100);  // a blocked job's state does not change when it is resumed
                changed.Reset();
            }
        }
        finally
        {
            StateChanged -= OnChange;
        }
    }

    /// <summary>Ask the work to suspend, without waiting for it.</summary>
    public void RequestSuspend()
    {
        if (!IsPausable)
        {
            throw JobInternals.NotPausable(this);
        }

        if (JobInternals.IsFinished(JobStateInfo.State))
        {
            throw new InvalidJobStateException(JobStateInfo.State, "A job that has ended cannot be suspended.");
        }

        Children.RequestSuspend();
    }

    /// <inheritdoc/>
    public override void SuspendJobAsync() => Later(SuspendJob, OnSuspendJobCompleted);

    /// <inheritdoc/>
    public override void SuspendJob(bool force, string reason) => SuspendJob();

    /// <inheritdoc/>
    public override void SuspendJobAsync(bool force, string reason) => SuspendJobAsync();

    /// <summary>Let suspended work go on.</summary>
    public override void ResumeJob()
    {
        if (!IsPausable)
        {
            throw JobInternals.NotPausable(this);
        }

        if (JobInternals.IsFinished(JobStateInfo.State))
        {
            throw new InvalidJobStateException(JobStateInfo.State, "A job that has ended cannot be resumed.");
        }

        Children.Resume();
    }

    /// <inheritdoc/>
    public override void ResumeJobAsync() => Later(ResumeJob, OnResumeJobCompleted);

    /// <summary>Let blocked work go on.</summary>
    public override void UnblockJob() => Children.Unblock();

    /// <inheritdoc/>
    public override void UnblockJobAsync() => Later(UnblockJob, OnUnblockJobCompleted);

    private static void Later(Action action, Action<AsyncCompletedEventArgs> completed) => Task.Run(() =>
    {
        Exception? error = null;
        try
        {
            action();
        }
        catch (Exception thrown)
        {
            error = thrown;
        }

        completed(new AsyncCompletedEventArgs(error, false, null));
    });
}
