using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;
using System.Runtime.CompilerServices;
using System.Threading;

namespace PSBridge;

/// <summary>What a job has written since somebody first looked at it, of which nothing is taken.</summary>
/// <remarks>
/// Receive-Job empties a job's buffers, so a look at these alone would forget what was received. The
/// buffers tell of each record before they have it; what is kept of that is a count and one record.
/// </remarks>
internal sealed class JobTrail
{
    // How many records of the time before the first look are looked through.
    private const int Back = 32;

    private static readonly ConditionalWeakTable<Job, JobTrail> s_trails = [];

    private readonly object _sync = new();
    private readonly List<object> _followed = [];
    private PSDataCollection<ErrorRecord>? _error;
    private PSDataCollection<ProgressRecord>? _progress;
    private PSDataCollection<PSObject>? _output;
    private long _errors;
    private volatile ProgressRecord? _bar;
    private volatile object? _last;

    private JobTrail()
    {
    }

    /// <summary>The progress that the job reported last: of its outermost activity, if it has several.</summary>
    internal ProgressRecord? Bar => _bar;

    /// <summary>What it wrote last, once its lines are followed.</summary>
    internal object? Last => _last;

    /// <summary>The trail of a job, which is followed from now on.</summary>
    /// <param name="job">Any job.</param>
    /// <param name="lines">Whether to keep what it writes last, too.</param>
    internal static JobTrail Of(Job job, bool lines = false)
    {
        JobTrail trail = s_trails.GetValue(job, static _ => new JobTrail());
        lock (trail._sync)
        {
            try
            {
                trail.FollowErrors(job.Error);
                trail.FollowProgress(ParallelJobs.ProgressOf(job) ?? job.Progress);
                if (lines)
                {
                    trail.FollowLines(job);
                }
            }
            catch (ObjectDisposedException)
            {
                // It has been removed: there is what was seen before.
            }
        }

        return trail;
    }

    /// <summary>How many errors the job has written.</summary>
    internal long Errors(Job job)
    {
        int there = 0;
        try
        {
            there = job.Error.Count;
        }
        catch (ObjectDisposedException)
        {
        }

        // There may be one more than was counted: it was on its way when this began to follow them.
        return Math.Max(there, Interlocked.Read(ref _errors));
    }

    private void FollowErrors(PSDataCollection<ErrorRecord> buffer)
    {
        if (ReferenceEquals(buffer, _error))
        {
            return;
        }

        lock (RootOf(buffer))
        {
            buffer.DataAdding += (_, _) => Interlocked.Increment(ref _errors);
            Interlocked.Add(ref _errors, buffer.Count);
        }

        _error = buffer;
    }

    private void FollowProgress(PSDataCollection<ProgressRecord> buffer)
    {
        if (ReferenceEquals(buffer, _progress))
        {
            return;
        }

        lock (RootOf(buffer))
        {
            for (int at = Math.Max(0, buffer.Count - Back); at < buffer.Count; at++)
            {
                Report(buffer[at]);
            }

            buffer.DataAdding += (_, added) => Report(added.ItemAdded as ProgressRecord);
        }

        _progress = buffer;
    }

    // A step inside of another one says little of the whole.
    private void Report(ProgressRecord? record)
    {
        if (record is not null && (record.ParentActivityId < 0 || _bar is not { ParentActivityId: < 0 }))
        {
            _bar = record;
        }
    }

    private void FollowLines(Job job)
    {
        if (ReferenceEquals(job.Output, _output))
        {
            return;
        }

        _output = job.Output;
        // Which of them came last nothing public tells.
        _last ??= LastOf(job.Output) ?? LastOf(job.Error) ?? LastOf(job.Warning) ?? LastOf(job.Information);
        Follow(job.Output);
        Follow(job.Error);
        Follow(job.Warning);
        Follow(job.Information);
        Follow(job.Verbose);
        Follow(job.Debug);
    }

    private void Follow<T>(PSDataCollection<T> buffer)
    {
        if (!_followed.Contains(buffer))
        {
            _followed.Add(buffer);
            buffer.DataAdding += (_, added) => _last = added.ItemAdded ?? _last;
        }
    }

    private static object? LastOf<T>(PSDataCollection<T> buffer)
    {
        lock (RootOf(buffer))
        {
            return buffer.Count > 0 ? buffer[buffer.Count - 1] : null;
        }
    }

    private static object RootOf(ICollection buffer) => buffer.SyncRoot;
}
