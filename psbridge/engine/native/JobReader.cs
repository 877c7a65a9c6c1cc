using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;

namespace PSBridge;

/// <summary>Reads one job, without its children; see <see cref="JobRecords"/>.</summary>
internal sealed class JobReader
{
    // The order in which Receive-Job writes the streams of a job that keeps no other.
    private static readonly JobStream[] s_blocks =
    [
        JobStream.Output, JobStream.Error, JobStream.Verbose, JobStream.Debug, JobStream.Warning,
        JobStream.Progress, JobStream.Information,
    ];

    // The number of a call that waits for no answer.
    private const long NoAnswer = -100;

    private static readonly Func<PSStreamObject, object?>? s_value =
        EngineMembers.Streams.Value.Method?.CreateDelegate<Func<PSStreamObject, object?>>();

    private static readonly Func<Job, bool>? s_isInResults =
        EngineMembers.Jobs.ReadsResults.Method?.CreateDelegate<Func<Job, bool>>();

    private readonly PSDataCollection<PSStreamObject>? _results;
    private readonly bool _isInResults;
    private readonly bool _isElsewhere;

    private readonly bool _withProgress;
    private int _progressGiven; // of those in the buffer, which is the last one at most

    internal JobReader(Job job, bool withProgress)
    {
        Job = job;
        _withProgress = withProgress;
        _results = s_value is null || s_isInResults is null ? null : JobInternals.Results?.Invoke(job);
        _isInResults = _results is not null && job is not Job2 && s_isInResults!(job);
        _isElsewhere = RemotingJobs.IsChild(job);
        JobBuffers.PrepareOne(job);
    }

    internal Job Job { get; }

    /// <summary>Whether the job's results have its records in the order of writing.</summary>
    internal bool IsInResults => _isInResults;

    /// <summary>The job's results, where this engine shows them.</summary>
    internal PSDataCollection<PSStreamObject>? Results => _results;

    /// <summary>Read what there is.</summary>
    /// <param name="into">Gets it.</param>
    /// <param name="most">How many at most.</param>
    /// <param name="keep">Whether it stays there.</param>
    /// <param name="order">The streams in the order of writing, as far as that was seen.</param>
    internal void Read(JobRecords into, int most, bool keep, Queue<JobStream>? order = null)
    {
        if (Job.JobStateInfo.State == JobState.Blocked)
        {
            into.Waiting = Job;
        }

        if (_isInResults)
        {
            ReadResults(into, most, keep);
        }
        else
        {
            ReadBuffers(into, most, keep, order);
        }
    }

    private void ReadResults(JobRecords into, int most, bool keep)
    {
        var buffers = new Dictionary<JobStream, int>();
        int[] copies = new int[s_blocks.Length];
        PSStreamObject[] read = TakeResults(most, keep, out bool asks, out bool isAll);
        foreach (PSStreamObject one in read)
        {
            object? value = s_value!(one);
            if (one.ObjectType == PSStreamObjectType.MethodExecutor)
            {
                if (StreamOfCall(value) is { } shown && TryTake(shown, keep, buffers, out object? record))
                {
                    into.Add(Job, shown, record);
                }
            }
            else if (StreamOf(one.ObjectType) is { } stream)
            {
                into.Add(Job, stream, value is Exception error ? RecordOf(error) : value, one);
                copies[(int)stream]++;
            }
        }

        if (!keep)
        {
            for (int i = 0; i < copies.Length; i++)
            {
                Drop((JobStream)i, copies[i]);
            }
        }

        if (asks)
        {
            into.Waiting = Job;
        }
        else if (isAll && _isElsewhere)
        {
            // A machine that is told of no host calls none.
            foreach (JobStream stream in new[] { JobStream.Verbose, JobStream.Debug, JobStream.Progress })
            {
                while (TryTake(stream, keep, buffers, out object? record))
                {
                    into.Add(Job, stream, record);
                }
            }
        }
    }

    private PSStreamObject[] TakeResults(int most, bool keep, out bool asks, out bool isAll)
    {
        List<PSStreamObject> found = [];
        lock (((ICollection)_results!).SyncRoot)
        {
            asks = false;
            int at = 0;
            for (; found.Count < most && at < _results.Count; at += keep ? 1 : 0)
            {
                PSStreamObject one = _results[at];
                if (asks = Asks(one))
                {
                    break;
                }

                found.Add(one);
                if (!keep)
                {
                    _results.RemoveAt(at);
                }
            }

            isAll = at >= _results.Count;
        }

        return [.. found];
    }

    private void ReadBuffers(JobRecords into, int most, bool keep, Queue<JobStream>? order)
    {
        var buffers = new Dictionary<JobStream, int>();
        while (order is { Count: > 0 } && into.Count < most)
        {
            JobStream next = order.Dequeue();
            if (TryTake(next, keep, buffers, out object? record))
            {
                AddUnlessNull(next, record);
            }
        }

        foreach (JobStream stream in s_blocks)
        {
            while (into.Count < most && TryTake(stream, keep, buffers, out object? record))
            {
                AddUnlessNull(stream, record);
            }
        }

        if (!keep)
        {
            _results?.ReadAll(); // copies, which nobody ever reads
        }

        // A null in a buffer of records is nothing.
        void AddUnlessNull(JobStream stream, object? record)
        {
            if (record is not null || stream == JobStream.Output)
            {
                into.Add(Job, stream, record);
            }
        }
    }

    /// <summary>The streams of what a job has written before, in their order where it keeps that.</summary>
    internal Queue<JobStream> OrderSoFar()
    {
        if (_results is null)
        {
            return new();
        }

        PSStreamObject[] copies;
        lock (((ICollection)_results).SyncRoot)
        {
            copies = [.. _results];
        }

        var order = new Queue<JobStream>(copies.Select(one => StreamOf(one.ObjectType)).OfType<JobStream>());
        // Somebody may have received some of them, which stay in the results.
        return s_blocks.All(stream => order.Count(one => one == stream) == BufferOf(stream).Count) ? order : new();
    }

    internal ICollection BufferOf(JobStream stream) => stream switch
    {
        JobStream.Output => Job.Output,
        JobStream.Error => Job.Error,
        JobStream.Warning => Job.Warning,
        JobStream.Verbose => Job.Verbose,
        JobStream.Debug => Job.Debug,
        JobStream.Information => Job.Information,
        _ => Progress,
    };

    /// <summary>The buffer of its progress, where its work writes it.</summary>
    /// <remarks>Of a child of ForEach-Object -Parallel it is another one once that has begun.</remarks>
    internal PSDataCollection<ProgressRecord> Progress => ParallelJobs.ProgressOf(Job) ?? Job.Progress;

    private bool TryTake(JobStream stream, bool keep, Dictionary<JobStream, int> read, out object? record)
    {
        if (stream == JobStream.Progress)
        {
            return TryTakeProgress(out record);
        }

        read.TryGetValue(stream, out int at);
        if (keep)
        {
            read[stream] = at + 1;
        }

        return stream switch
        {
            JobStream.Output => TryTake(Job.Output, at, keep, out record),
            JobStream.Error => TryTake(Job.Error, at, keep, out record),
            JobStream.Warning => TryTake(Job.Warning, at, keep, out record),
            JobStream.Verbose => TryTake(Job.Verbose, at, keep, out record),
            JobStream.Debug => TryTake(Job.Debug, at, keep, out record),
            _ => TryTake(Job.Information, at, keep, out record),
        };
    }

    private bool TryTakeProgress(out object? record)
    {
        record = null;
        if (!_withProgress)
        {
            return false;
        }

        PSDataCollection<ProgressRecord> buffer = Progress;
        lock (((ICollection)buffer).SyncRoot)
        {
            _progressGiven = Math.Min(_progressGiven, buffer.Count);
            if (_progressGiven == buffer.Count)
            {
                return false;
            }

            record = buffer[_progressGiven];
            if (_progressGiven == 1)
            {
                buffer.RemoveAt(0);
            }

            _progressGiven = 1;
            return true;
        }
    }

    private static bool TryTake<T>(PSDataCollection<T> buffer, int at, bool keep, out object? record)
    {
        lock (((ICollection)buffer).SyncRoot)
        {
            bool isThere = at < buffer.Count;
            record = isThere ? buffer[at] : null;
            if (isThere && !keep)
            {
                buffer.RemoveAt(at);
            }

            return isThere;
        }
    }

    /// <summary>Put a record that was taken back to the front of where it was.</summary>
    internal static void GiveBack(Job job, JobStream stream, object? value, PSStreamObject? result)
    {
        if (result is not null)
        {
            DrainedList<PSStreamObject>.PutBack(JobInternals.Results!(job), result);
            return;
        }

        switch (stream)
        {
            case JobStream.Output:
                DrainedList<PSObject>.PutBack(job.Output, (PSObject)value!);
                break;
            case JobStream.Error:
                DrainedList<ErrorRecord>.PutBack(job.Error, (ErrorRecord)value!);
                break;
            case JobStream.Warning:
                DrainedList<WarningRecord>.PutBack(job.Warning, (WarningRecord)value!);
                break;
            case JobStream.Verbose:
                DrainedList<VerboseRecord>.PutBack(job.Verbose, (VerboseRecord)value!);
                break;
            case JobStream.Debug:
                DrainedList<DebugRecord>.PutBack(job.Debug, (DebugRecord)value!);
                break;
            case JobStream.Information:
                DrainedList<InformationRecord>.PutBack(job.Information, (InformationRecord)value!);
                break;
            default:
                break; // the last progress record is there still
        }
    }

    // The copies of what was taken from the results.
    private void Drop(JobStream stream, int count)
    {
        switch (stream)
        {
            case JobStream.Output:
                Drop(Job.Output, count);
                break;
            case JobStream.Error:
                Drop(Job.Error, count);
                break;
            case JobStream.Warning:
                Drop(Job.Warning, count);
                break;
            case JobStream.Verbose:
                Drop(Job.Verbose, count);
                break;
            case JobStream.Debug:
                Drop(Job.Debug, count);
                break;
            case JobStream.Information:
                Drop(Job.Information, count);
                break;
            default:
                Drop(Job.Progress, Math.Min(count, Job.Progress.Count - 1));
                break;
        }
    }

    private static void Drop<T>(PSDataCollection<T> buffer, int count)
    {
        lock (((ICollection)buffer).SyncRoot)
        {
            for (int i = Math.Min(count, buffer.Count); i > 0; i--)
            {
                buffer.RemoveAt(0);
            }
        }
    }

    private static JobStream? StreamOf(PSStreamObjectType type) => type switch
    {
        PSStreamObjectType.Output => JobStream.Output,
        PSStreamObjectType.Error or PSStreamObjectType.Exception => JobStream.Error,
        PSStreamObjectType.Warning or PSStreamObjectType.WarningRecord => JobStream.Warning,
        PSStreamObjectType.Verbose => JobStream.Verbose,
        PSStreamObjectType.Debug => JobStream.Debug,
        PSStreamObjectType.Information => JobStream.Information,
        PSStreamObjectType.Progress => JobStream.Progress,
        _ => null,
    };

    private static ErrorRecord RecordOf(Exception error) =>
        error is IContainsErrorRecord { ErrorRecord: { } record }
            ? record
            : new ErrorRecord(error, error.GetType().Name, ErrorCategory.NotSpecified, null);

    // Whether something waits for the host, or for the cmdlet that receives it.
    internal static bool Asks(PSStreamObject one) => one.ObjectType switch
    {
        PSStreamObjectType.MethodExecutor =>
            CallOf(s_value!(one)) is { } call
            && EngineMembers.Streams.CallNumber.Property?.GetValue(call) is not (null or NoAnswer),
        PSStreamObjectType.ShouldMethod or PSStreamObjectType.BlockingError => true,
        _ => false,
    };

    /// <summary>What is in a result.</summary>
    internal static object? ValueOf(PSStreamObject one) => s_value?.Invoke(one);

    private static object? CallOf(object? executor) => EngineMembers.Streams.Call.Property?.GetValue(executor);

    private static JobStream? StreamOfCall(object? executor) =>
        CallOf(executor) is { } call
            ? EngineMembers.Streams.CallName.Property?.GetValue(call) switch
            {
                "WriteVerboseLine" => JobStream.Verbose,
                "WriteDebugLine" => JobStream.Debug,
                "WriteProgress" => JobStream.Progress,
                _ => null,
            }
            : null;
}
