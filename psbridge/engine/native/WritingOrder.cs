using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;

namespace PSBridge;

/// <summary>The order in which a job writes to its streams, where it keeps none itself.</summary>
/// <remarks>
/// <para>
/// Guarantee: from the beginning on each record is noted once, in its place, also where it is written in
/// this moment. A record is noted under its buffer's lock while it is added. So who takes it by this order
/// finds it, and nobody takes one before the record that was written before it.
/// </para>
/// <para>What was written before is noted, too: in the order of the job's results where these have all of it,
/// else one stream after the other.</para>
/// </remarks>
internal sealed class WritingOrder
{
    private readonly Job _job;
    private readonly Action _tell;
    private readonly object _sync = new(); // guards what follows; nothing else is locked under it
    private readonly List<Action> _leave = [];
    private Queue<JobStream> _written = new();
    private ICollection? _progress;
    private bool _isLeft;

    /// <summary>Begin.</summary>
    /// <param name="job">The job.</param>
    /// <param name="tell">Called when a record is there; by its writer, so it must not wait.</param>
    /// <exception cref="ObjectDisposedException">The job has been removed.</exception>
    internal WritingOrder(Job job, Action tell)
    {
        _job = job;
        _tell = tell;
        int[] before = new int[JobReader.Blocks.Length];
        foreach (JobStream stream in JobReader.Blocks)
        {
            before[(int)stream] =
                stream == JobStream.Progress ? FollowProgress() : Follow(JobBuffer.Of(job, stream), stream);
        }

        IEnumerable<JobStream> soFar = OrderOfResults(before)
            ?? JobReader.Blocks.SelectMany(stream => Enumerable.Repeat(stream, before[(int)stream]));
        lock (_sync)
        {
            _written = new(soFar.Concat(_written));
        }
    }

    /// <summary>Take what was noted.</summary>
    /// <returns>The streams of the records.</returns>
    internal Queue<JobStream> Take()
    {
        lock (_sync)
        {
            Queue<JobStream> taken = _written;
            _written = new();
            return taken;
        }
    }

    /// <summary>Give back what is left of it, which comes before what was noted meanwhile.</summary>
    internal void GiveBack(Queue<JobStream> rest)
    {
        if (rest.Count > 0)
        {
            lock (_sync)
            {
                _written = new(rest.Concat(_written));
            }
        }
    }

    /// <summary>Look whether the job's progress is written to another buffer by now.</summary>
    internal void LookForProgress()
    {
        try
        {
            for (int before = FollowProgress(); before > 0; before--)
            {
                Note(JobStream.Progress);
            }
        }
        catch (ObjectDisposedException)
        {
            // It has been removed, and reports nothing any more.
        }
    }

    /// <summary>Note nothing more.</summary>
    internal void Leave()
    {
        lock (_sync)
        {
            _isLeft = true;
        }

        _leave.ForEach(leave => leave()); // nothing is added any more
    }

    // Where it is in a buffer that is not followed yet.
    private int FollowProgress()
    {
        var buffer = JobBuffer.Of(_job, JobStream.Progress);
        lock (_sync)
        {
            if (ReferenceEquals(buffer.Collection, _progress))
            {
                return 0;
            }

            _progress = buffer.Collection;
        }

        return Follow(buffer, JobStream.Progress);
    }

    // Gives how many records there were before.
    private int Follow(JobBuffer buffer, JobStream stream)
    {
        int before = buffer.Follow(() => Note(stream), _tell, out Action leave);
        lock (_sync)
        {
            if (!_isLeft)
            {
                _leave.Add(leave);
                return before;
            }
        }

        leave();
        return 0;
    }

    private void Note(JobStream stream)
    {
        lock (_sync)
        {
            _written.Enqueue(stream);
        }
    }

    private Queue<JobStream>? OrderOfResults(int[] before)
    {
        if (JobInternals.Results?.Invoke(_job) is not { } results)
        {
            return null;
        }

        PSStreamObject[] copies;
        lock (((ICollection)results).SyncRoot)
        {
            copies = [.. results];
        }

        var order = new Queue<JobStream>(copies.Select(one => JobReader.StreamOf(one.ObjectType)).OfType<JobStream>());
        // Somebody may have received some of them, which stay in the results.
        return JobReader.Blocks.All(stream => order.Count(one => one == stream) == before[(int)stream]) ? order : null;
    }
}
