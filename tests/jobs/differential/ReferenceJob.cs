using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Linq;
using System.Management.Automation;
using System.Threading;

namespace PSBridge.Differential;

/// <summary>A job as a C# author writes one, on nothing but the engine's public API.</summary>
/// <remarks>
/// Job has no public way to give a reason for a failure; only Job2 has one. So the child that fails
/// is a Job2, and everything else is a plain Job.
/// </remarks>
public sealed class ReferenceJob : Job
{
    private readonly Queue<IReferenceChild> _waiting;
    private readonly int _throttleLimit;
    private int _unfinished;
    private volatile bool _anyFailed;
    private volatile bool _stopRequested;

    /// <summary>Make a job that has not started.</summary>
    /// <param name="command">What Get-Job shows as Command.</param>
    /// <param name="name">Its name.</param>
    /// <param name="kinds">What the children do.</param>
    /// <param name="locations">Where they do it.</param>
    /// <param name="throttleLimit">How many run at a time.</param>
    /// <param name="release">Lets the children that wait go on.</param>
    public ReferenceJob(
        string command, string name, string[] kinds, string[] locations, int throttleLimit, WaitHandle release)
        : base(command, name)
    {
        PSJobTypeName = nameof(ReferenceJob);
        _throttleLimit = throttleLimit;
        _unfinished = kinds.Length;
        foreach ((string kind, string location) in kinds.Zip(locations))
        {
            Job child = kind == "fail"
                ? new ReferenceFailingChild(command, location)
                : new ReferenceChild(command, location, kind, release);
            child.StateChanged += OnChildStateChanged;
            ChildJobs.Add(child);
        }

        _waiting = new Queue<IReferenceChild>(ChildJobs.Cast<IReferenceChild>());
    }

    /// <inheritdoc/>
    public override string StatusMessage => string.Empty;

    /// <inheritdoc/>
    public override bool HasMoreData => ChildJobs.Any(child => child.HasMoreData);

    /// <inheritdoc/>
    public override string Location => string.Join(",", ChildJobs.Select(child => child.Location).Distinct());

    /// <summary>Run the children.</summary>
    public void Start()
    {
        SetJobState(JobState.Running);
        for (int i = 0; i < Math.Min(_throttleLimit, ChildJobs.Count); i++)
        {
            new Thread(RunChildren) { IsBackground = true }.Start();
        }
    }

    /// <inheritdoc/>
    public override void StopJob()
    {
        _stopRequested = true;
        foreach (IReferenceChild child in ChildJobs.Cast<IReferenceChild>())
        {
            child.RequestStop();
        }

        Finished.WaitOne();
    }

    private void RunChildren()
    {
        while (TryTakeChild(out IReferenceChild? child))
        {
            child.Run();
        }
    }

    private bool TryTakeChild([NotNullWhen(true)] out IReferenceChild? child)
    {
        lock (_waiting)
        {
            child = null;
            return !_stopRequested && _waiting.TryDequeue(out child);
        }
    }

    private void OnChildStateChanged(object? sender, JobStateEventArgs change)
    {
        JobState state = change.JobStateInfo.State;
        if (state is not (JobState.Completed or JobState.Failed or JobState.Stopped))
        {
            return;
        }

        _anyFailed |= state == JobState.Failed;
        if (Interlocked.Decrement(ref _unfinished) == 0)
        {
            SetJobState(_anyFailed ? JobState.Failed : _stopRequested ? JobState.Stopped : JobState.Completed);
        }
    }
}

/// <summary>A child of a <see cref="ReferenceJob"/>.</summary>
internal interface IReferenceChild
{
    /// <summary>Do the work on the calling thread, unless the child was stopped before.</summary>
    void Run();

    /// <summary>Ask the work to stop, without waiting for it.</summary>
    void RequestStop();
}

/// <summary>A child that writes, or waits until it is released or stopped.</summary>
internal sealed class ReferenceChild : Job, IReferenceChild
{
    private readonly string _kind;
    private readonly WaitHandle _release;
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly object _lock = new();
    private bool _begun;

    public ReferenceChild(string command, string location, string kind, WaitHandle release)
        : base(command)
    {
        PSJobTypeName = nameof(ReferenceChild);
        Location = location;
        _kind = kind;
        _release = release;
    }

    public override string StatusMessage => string.Empty;

    public override string Location { get; }

    public override bool HasMoreData =>
        Output.IsOpen || Output.Count > 0 || Error.Count > 0 || Warning.Count > 0 || Verbose.Count > 0
        || Debug.Count > 0 || Information.Count > 0 || Progress.Count > 0;

    public void Run()
    {
        lock (_lock)
        {
            if (_begun)
            {
                return;
            }

            _begun = true;
        }

        SetJobState(JobState.Running);
        SetJobState(Work());
    }

    public void RequestStop()
    {
        bool waits;
        lock (_lock)
        {
            waits = !_begun;
            _begun = true;
        }

        if (waits)
        {
            SetJobState(JobState.Stopped);
        }

        _stop.Set();
    }

    public override void StopJob()
    {
        RequestStop();
        Finished.WaitOne();
    }

    private JobState Work()
    {
        switch (_kind)
        {
            case "say":
                Output.Add("said");
                break;
            case "nulls":
                Output.Add("one");
                Output.Add(null!);
                Output.Add("two");
                break;
            case "write":
                WriteToEveryStream();
                break;
            default:
                Output.Add("first");
                if (WaitHandle.WaitAny([_stop, _release]) == 0)
                {
                    return JobState.Stopped;
                }

                if (_kind == "late")
                {
                    WriteToEveryStream();
                }
                else
                {
                    Output.Add("released");
                }

                break;
        }

        return JobState.Completed;
    }

    private void WriteToEveryStream()
    {
        Output.Add("one");
        Warning.Add(new WarningRecord("careful"));
        Error.Add(new ErrorRecord(new Exception("not good"), "NotGood", ErrorCategory.InvalidData, "a target"));
        Verbose.Add(new VerboseRecord("details"));
        Output.Add(2_000_000_000);
        Debug.Add(new DebugRecord("more details"));
        var told = new InformationRecord("told", "Twin");
        told.Tags.Add("tag");
        Information.Add(told);
        Progress.Add(new ProgressRecord(0, "Working", "half") { PercentComplete = 50 });
        var thing = new PSObject();
        thing.Properties.Add(new PSNoteProperty("Name", "three"));
        thing.Properties.Add(new PSNoteProperty("Size", 3_000_000_000));
        Output.Add(thing);
    }
}

/// <summary>A child that writes and then fails with a reason.</summary>
internal sealed class ReferenceFailingChild : Job2, IReferenceChild
{
    public ReferenceFailingChild(string command, string location)
        : base(command)
    {
        PSJobTypeName = nameof(ReferenceFailingChild);
        Location = location;
    }

    public override string StatusMessage => string.Empty;

    public override string Location { get; }

    public override bool HasMoreData => Output.IsOpen || Output.Count > 0;

    public void Run()
    {
        SetJobState(JobState.Running, reason: null);
        Output.Add("before");
        SetJobState(JobState.Failed, new InvalidOperationException("ValueError: not today"));
    }

    // It fails before anybody can stop it.
    public void RequestStop()
    {
    }

    public override void StopJob() => Finished.WaitOne();

    public override void StopJob(bool force, string reason) => StopJob();

    public override void StopJobAsync() => throw new NotSupportedException();

    public override void StopJobAsync(bool force, string reason) => throw new NotSupportedException();

    public override void StartJob() => throw new NotSupportedException();

    public override void StartJobAsync() => throw new NotSupportedException();

    public override void SuspendJob() => throw new NotSupportedException();

    public override void SuspendJob(bool force, string reason) => throw new NotSupportedException();

    public override void SuspendJobAsync() => throw new NotSupportedException();

    public override void SuspendJobAsync(bool force, string reason) => throw new NotSupportedException();

    public override void ResumeJob() => throw new NotSupportedException();

    public override void ResumeJobAsync() => throw new NotSupportedException();

    public override void UnblockJob() => throw new NotSupportedException();

    public override void UnblockJobAsync() => throw new NotSupportedException();
}
