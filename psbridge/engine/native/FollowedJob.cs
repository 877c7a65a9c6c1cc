using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;

namespace PSBridge;

/// <summary>A job whose records are read while it runs.</summary>
/// <remarks>
/// Guarantees: each record is given once, to this or to whoever else receives the job; what was given is
/// let go of; the records of one job are in the order of writing, and of one that keeps no order those
/// written since this began. What is not taken when this is disposed of is in the job as before.
/// Python is not called here: who writes must not wait for its GIL.
/// </remarks>
public sealed class FollowedJob : IDisposable
{
    private readonly Job _job;
    private readonly Dictionary<Job, Part> _parts = [];
    private readonly FollowerNews _news = new();
    private int _children = -1;
    private bool _hasReasons;
    private bool _sawEnd;

    /// <summary>Begin.</summary>
    /// <param name="job">Any job; its children are followed, too, those that come later as well.</param>
    public FollowedJob(Job job)
    {
        _job = job;
        FindParts();
    }

    /// <summary>What tells that there may be something to take.</summary>
    public FollowerNews News => _news;

    /// <summary>Wait until there may be something to take.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>Whether there may be.</returns>
    public bool Wait(int milliseconds) => _news.Wait(milliseconds);

    /// <summary>Take what there is.</summary>
    /// <param name="most">How many records at most.</param>
    /// <returns>The records; null where the job has ended and all of them were taken.</returns>
    public JobRecords? Take(int most)
    {
        bool isOver = JobInternals.HasEnded(_job); // before the last records are looked for
        _news.Forget();
        FindParts();
        var records = new JobRecords();
        bool isFirstAfterEnd = isOver && !_sawEnd;
        _sawEnd = isOver;
        foreach (Part part in _parts.Values)
        {
            if (isFirstAfterEnd)
            {
                part.Tell(); // it has ended before it says so
            }

            part.Read(records, most, isOver);
        }

        if (records.Count > 0)
        {
            _news.Tell(); // there may be more
        }
        else if (isOver && records.Waiting is null)
        {
            if (_hasReasons)
            {
                return null;
            }

            _hasReasons = true;
            _news.Tell();
            foreach (Job each in JobRecords.WithChildren(_job))
            {
                records.AddReason(each);
            }
        }

        return records;
    }

    /// <summary>Let go of the job.</summary>
    public void Dispose()
    {
        foreach (Part part in _parts.Values)
        {
            part.Leave();
        }
    }

    private void FindParts()
    {
        int children = _job.ChildJobs.Count + _parts.Keys.Sum(job => job.ChildJobs.Count);
        if (children == _children)
        {
            return;
        }

        _children = children;
        foreach (Job job in JobRecords.WithChildren(_job))
        {
            if (!_parts.ContainsKey(job))
            {
                _parts.Add(job, new Part(job, _news));
            }
        }
    }

    private sealed class Part
    {
        private readonly FollowerNews _news;
        private readonly JobReader? _reader;
        private readonly WritingOrder? _order; // of a job that keeps none itself
        private readonly List<Action> _leave = [];
        private volatile bool _hasNews = true;

        internal Part(Job job, FollowerNews news)
        {
            _news = news;
            job.StateChanged += OnStateChanged;
            _leave.Add(() => job.StateChanged -= OnStateChanged);
            try
            {
                _reader = new JobReader(job, withProgress: true);
                if (_reader.IsInResults)
                {
                    PSDataCollection<PSStreamObject> results = _reader.Results!;
                    results.DataAdded += OnAdded;
                    _leave.Add(() => results.DataAdded -= OnAdded);
                }
                else
                {
                    _order = new WritingOrder(job, Tell);
                    _order.LookForProgress(); // it may have begun meanwhile
                }
            }
            catch (ObjectDisposedException)
            {
                _reader = null; // it has been removed, and has no records
            }

            _news.Tell();
        }

        internal void Read(JobRecords into, int most, bool isOver)
        {
            if (_reader is null || !_hasNews || into.Count >= most)
            {
                return;
            }

            _hasNews = false;
            try
            {
                Queue<JobStream>? order = _order?.Take();
                // What another loop has given back is in no order. It comes last.
                bool isOrdered = order is not null && (order.Count > 0 || !isOver);
                _reader.Read(into, most, keep: false, isOrdered ? order : null);
                _hasNews |= into.Count >= most || into.Waiting is not null || (isOver && isOrdered);
                if (order is not null)
                {
                    _order!.GiveBack(order);
                }
            }
            catch (ObjectDisposedException)
            {
                // It is removed while it is read.
            }
        }

        internal void Leave()
        {
            _leave.ForEach(leave => leave());
            _order?.Leave();
        }

        private void OnAdded(object? sender, DataAddedEventArgs added) => Tell();

        private void OnStateChanged(object? sender, JobStateEventArgs changed)
        {
            _order?.LookForProgress();
            Tell();
        }

        internal void Tell()
        {
            _hasNews = true;
            _news.Tell();
        }
    }
}
