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
    /// <summary>All streams, in the order in which Receive-Job writes those of a job that keeps no other.</summary>
    internal static readonly JobStream[] Blocks =
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
        ShownCalls.Watch(job);
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
    /// <param name="order">
    /// The streams of the records, in the order of writing; used up as far as they are read. Null where that is
    /// not known.
    /// </param>
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
        int[] copies = new int[Blocks.Length];
        List<Taken> taken = TakeResults(most, keep, buffers, out bool asks, out bool isAll);
        foreach ((PSStreamObject one, JobStream stream, object? record) in taken)
        {
            into.Add(Job, stream, record, one);
            if (one.ObjectType != PSStreamObjectType.MethodExecutor)
            {
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
        else if (isAll && _isElsewhere && JobInternals.IsFinished(Job.JobStateInfo.State))
        {
            // A machine that is told of no host calls none. While the job runs its calls may be on their way.
            foreach (JobStream stream in ShownCalls.Streams.Append(JobStream.Progress))
            {
                while (TryTake(stream, keep, buffers, out object? record))
                {
                    into.Add(Job, stream, record);
                }
            }
        }
    }

    // A call of the host and its record are taken at once: Receive-Job may take the next one in this moment.
    private List<Taken> TakeResults(
        int most, bool keep, Dictionary<JobStream, int> buffers, out bool asks, out bool isAll)
    {
        List<Taken> taken = [];
        int at = 0, seen = 0;
        bool isAsked = false, wasAll = false;
        ShownCalls.Quietly(_results!, () =>
        {
            for (; seen < most && at < _results!.Count; seen++)
            {
                PSStreamObject one = _results[at];
                if (isAsked = Asks(one))
                {
                    break;
                }

                if (keep)
                {
                    at++;
                }
                else
                {
                    _results.RemoveAt(at);
                }

                if (one.ObjectType == PSStreamObjectType.MethodExecutor)
                {
                    if (StreamOfCall(one) is { } shown && TryTake(shown, keep, buffers, out object? record))
                    {
                        taken.Add(new(one, shown, record));
                    }
                }
                else if (StreamOf(one.ObjectType) is { } stream && !(_isElsewhere && stream == JobStream.Warning))
                {
                    object? value = s_value!(one);
                    taken.Add(new(one, stream, value is Exception error ? RecordOf(error) : value));
                }
            }

            wasAll = at >= _results!.Count;
        });
        asks = isAsked;
        isAll = wasAll;
        return taken;
    }

    private readonly record struct Taken(PSStreamObject Result, JobStream Stream, object? Record);

    private void ReadBuffers(JobRecords into, int most, bool keep, Queue<JobStream>? order)
    {
        var buffers = new Dictionary<JobStream, int>();
        if (order is not null)
        {
            while (order.Count > 0 && into.Count < most)
            {
                Take(order.Dequeue());
            }
        }
        else
        {
            foreach (JobStream stream in Blocks)
            {
                while (into.Count < most && Take(stream))
                {
                }
            }
        }

        if (!keep)
        {
            _results?.ReadAll(); // copies, which nobody ever reads
        }

        bool Take(JobStream stream)
        {
            if (!TryTake(stream, keep, buffers, out object? record))
            {
                return false;
            }

            // A null in a buffer of records is nothing.
            if (record is not null || stream == JobStream.Output)
            {
                into.Add(Job, stream, record);
            }

            return true;
        }
    }

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

        return JobBuffer.Of(Job, stream).TryTake(at, keep, out record);
    }

    private bool TryTakeProgress(out object? record)
    {
        record = null;
        if (!_withProgress)
        {
            return false;
        }

        JobBuffer buffer = JobBuffer.Of(Job, JobStream.Progress);
        lock (buffer.SyncRoot)
        {
            _progressGiven = Math.Min(_progressGiven, buffer.Count);
            if (!buffer.TryTake(_progressGiven, keep: true, out record))
            {
                return false;
            }

            buffer.Drop(_progressGiven);
            _progressGiven = 1;
            return true;
        }
    }

    /// <summary>Put a record that was taken back to the front of where it was.</summary>
    internal static void GiveBack(Job job, JobStream stream, object? value, PSStreamObject? result)
    {
        if (stream == JobStream.Progress)
        {
            return; // the last one is there still
        }

        if (result is not null)
        {
            DrainedList<PSStreamObject>.PutBack(JobInternals.Results!(job), result);
        }

        if (result is null or { ObjectType: PSStreamObjectType.MethodExecutor })
        {
            JobBuffer.Of(job, stream).PutBack(value);
        }
    }

    // The copies of what was taken from the results; but for the last progress record.
    private void Drop(JobStream stream, int count)
    {
        JobBuffer buffer = JobBuffer.Of(Job, stream);
        buffer.Drop(stream == JobStream.Progress ? Math.Min(count, buffer.Count - 1) : count);
    }

    internal static JobStream? StreamOf(PSStreamObjectType type) => type switch
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

    /// <summary>The stream whose record a call of the host shows; null where it is none of these.</summary>
    internal static JobStream? StreamOfCall(PSStreamObject one) =>
        one.ObjectType == PSStreamObjectType.MethodExecutor && CallOf(s_value!(one)) is { } call
            ? EngineMembers.Streams.CallName.Property?.GetValue(call) switch
            {
                "WriteWarningLine" => JobStream.Warning,
                "WriteVerboseLine" => JobStream.Verbose,
                "WriteDebugLine" => JobStream.Debug,
                "WriteProgress" => JobStream.Progress,
                _ => null,
            }
            : null;
}
