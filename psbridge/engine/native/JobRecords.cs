using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;
using System.Runtime.InteropServices;

namespace PSBridge;

/// <summary>What was read from a job: records of all of its streams, in the order of writing.</summary>
/// <remarks>
/// <para>
/// Receive-Job takes a turn of the session, writes the records of each stream by itself, and shows a part
/// of what comes from other processes on the host, past all streams. Here it is read from where it is kept.
/// </para>
/// <para>
/// A job has a buffer for each stream, and one of results in the order of writing. Receive-Job reads the
/// results of PowerShell's own jobs and of ours, and the buffers of all others; what it reads is taken here,
/// and what is only a copy is dropped, so that memory is given back. What the results have of a job in
/// another process are calls of the host in place of warnings, verbose, debug and progress records; these are
/// in the buffers, in the same order. (Of a warning they have the record, too: for -WarningVariable only.)
/// </para>
/// <para>
/// The last progress record stays where it is, as what is known of the job's progress.
/// </para>
/// <para>
/// A call of the host that wants an answer stays where it is, and so does all behind it: Receive-Job lets
/// the host answer it.
/// </para>
/// </remarks>
public sealed class JobRecords
{
    private readonly List<PSStreamObject?> _results = [];
    private readonly List<byte> _streams = [];
    private readonly List<object?> _values = [];
    private readonly List<int> _places = [];
    private readonly List<Job> _jobs = [];
    private int _reasonsAt = int.MaxValue; // those are in no buffer

    /// <summary>The job that waits for Receive-Job, which lets it go on; null where none does.</summary>
    public Job? Waiting { get; internal set; }

    /// <summary>How many there are.</summary>
    public int Count => _values.Count;

    /// <summary>The streams that they were written to.</summary>
    /// <returns>A byte for each: a <see cref="JobStream"/>.</returns>
    public byte[] GetStreams() => [.. _streams];

    /// <summary>What was written to the output.</summary>
    /// <returns>The objects.</returns>
    public object?[] GetOutput() => Of(isOutput: true);

    /// <summary>What was written to the other streams.</summary>
    /// <returns>The records; a message may be a text.</returns>
    public object?[] GetOthers() => Of(isOutput: false);

    /// <summary>The jobs that wrote them.</summary>
    /// <returns>One after the other.</returns>
    public Job[] GetJobs() => [.. _jobs];

    /// <summary>The machines where these jobs are.</summary>
    /// <returns>A name for each, null for this one.</returns>
    public string?[] GetMachines() => [.. _jobs.Select(job => RemotingJobs.IsChild(job) ? job.Location : null)];

    /// <summary>Which of <see cref="GetJobs"/> wrote each.</summary>
    /// <returns>Four bytes for each.</returns>
    public byte[] GetPlaces() => MemoryMarshal.AsBytes<int>(_places.ToArray()).ToArray();

    /// <summary>Read all that there is, children first.</summary>
    /// <param name="job">Any job.</param>
    /// <param name="keep">Whether it stays there for the next one.</param>
    /// <returns>The records; those of failed jobs end with the reason.</returns>
    public static JobRecords ReadAll(Job job, bool keep)
    {
        var records = new JobRecords();
        foreach (Job each in WithChildren(job))
        {
            try
            {
                new JobReader(each, withProgress: false).Read(records, int.MaxValue, keep);
            }
            catch (ObjectDisposedException)
            {
                // It has been removed, and has none.
            }

            records.AddReason(each);
        }

        return records;
    }

    /// <summary>Whether a job has more data than the last progress record, which stays with it.</summary>
    /// <param name="job">Any job.</param>
    /// <returns>Whether it has, or may still get some.</returns>
    public static bool HasMore(Job job) =>
        job.HasMoreData
        && (job.ChildJobs.Count > 0
            || !JobInternals.IsFinished(job.JobStateInfo.State)
            || job.Progress.Count == 0
            || JobReader.Blocks.Any(one => one != JobStream.Progress && JobBuffer.Of(job, one).Count > 0));

    /// <summary>Whether a job has been removed.</summary>
    /// <param name="job">Any job.</param>
    /// <returns>Whether it has, and is disposed of.</returns>
    public static bool IsGone(Job job)
    {
        try
        {
            job.Name = job.Name; // which only a job that is disposed of refuses
            return false;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    /// <summary>A job with all that are below it, each after its children.</summary>
    internal static IEnumerable<Job> WithChildren(Job job)
    {
        HashSet<Job> seen = [];
        List<Job> found = [];
        Visit(job);
        return found;

        void Visit(Job one)
        {
            if (seen.Add(one))
            {
                foreach (Job child in one.ChildJobs)
                {
                    Visit(child);
                }

                found.Add(one);
            }
        }
    }

    private object?[] Of(bool isOutput)
    {
        var found = new List<object?>(isOutput ? Count : 0);
        for (int i = 0; i < Count; i++)
        {
            if ((_streams[i] == (byte)JobStream.Output) == isOutput)
            {
                found.Add(_values[i]);
            }
        }

        return [.. found];
    }

    /// <summary>Put what was not used after all back to where it was.</summary>
    /// <param name="used">How many were used, the first ones.</param>
    public void GiveBack(int used)
    {
        for (int i = Math.Min(Count, _reasonsAt) - 1; i >= used; i--)
        {
            try
            {
                JobReader.GiveBack(_jobs[_places[i]], (JobStream)_streams[i], _values[i], _results[i]);
            }
            catch (ObjectDisposedException)
            {
                // The job has been removed.
            }
        }
    }

    internal void Add(Job job, JobStream stream, object? value, PSStreamObject? result = null)
    {
        if (_jobs.Count == 0 || !ReferenceEquals(_jobs[^1], job))
        {
            _jobs.Add(job);
        }

        _results.Add(result);
        _streams.Add((byte)stream);
        _values.Add(value);
        _places.Add(_jobs.Count - 1);
    }

    /// <summary>Add why a job failed, as Receive-Job does; nothing where it did not.</summary>
    internal void AddReason(Job job)
    {
        if (job.JobStateInfo.State != JobState.Failed)
        {
            return;
        }

        _reasonsAt = Math.Min(_reasonsAt, Count);

        if (EngineMembers.Sources.ChildFailure.Property is { } failure
            && failure.DeclaringType!.IsInstanceOfType(job) && failure.GetValue(job) is ErrorRecord record)
        {
            Add(job, JobStream.Error, record);
        }
        else if (job.JobStateInfo.Reason is { } reason)
        {
            var located = reason as JobFailedException;
            Add(job, JobStream.Error, new ErrorRecord(
                located?.Reason ?? reason, "JobStateFailed", ErrorCategory.InvalidResult, null));
        }
    }
}

/// <summary>A stream of a job.</summary>
public enum JobStream : byte
{
    /// <summary>Its output.</summary>
    Output,

    /// <summary>ErrorRecords.</summary>
    Error,

    /// <summary>WarningRecords, or their texts.</summary>
    Warning,

    /// <summary>VerboseRecords, or their texts.</summary>
    Verbose,

    /// <summary>DebugRecords, or their texts.</summary>
    Debug,

    /// <summary>InformationRecords.</summary>
    Information,

    /// <summary>ProgressRecords.</summary>
    Progress,
}
