using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;

namespace PSBridge;

/// <summary>A job's children, to which some are added while others read.</summary>
/// <remarks>
/// The engine reads ChildJobs without any lock. A plain list throws at a reader whose loop meets an
/// addition; this one's loop goes on and comes to what was added. Its other interface is the one by which
/// PowerShell knows a list, as it has to where <c>$job.ChildJobs</c> is given to a parameter.
/// </remarks>
internal sealed class ChildJobList : IList<Job>, IList
{
    private readonly List<Job> _jobs = [];

    public int Count
    {
        get
        {
            lock (_jobs)
            {
                return _jobs.Count;
            }
        }
    }

    public bool IsReadOnly => false;

    public Job this[int index]
    {
        get
        {
            lock (_jobs)
            {
                return _jobs[index];
            }
        }

        set
        {
            lock (_jobs)
            {
                _jobs[index] = value;
            }
        }
    }

    public void Add(Job item)
    {
        lock (_jobs)
        {
            _jobs.Add(item);
        }
    }

    public void Clear()
    {
        lock (_jobs)
        {
            _jobs.Clear();
        }
    }

    public bool Contains(Job item) => IndexOf(item) >= 0;

    // List.AddRange asks for the count first, so there may be more by now than there is room for.
    public void CopyTo(Job[] array, int arrayIndex)
    {
        lock (_jobs)
        {
            _jobs.CopyTo(0, array, arrayIndex, Math.Min(_jobs.Count, array.Length - arrayIndex));
        }
    }

    public IEnumerator<Job> GetEnumerator()
    {
        for (int index = 0; TryGet(index, out Job? job); index++)
        {
            yield return job!;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public int IndexOf(Job item)
    {
        lock (_jobs)
        {
            return _jobs.IndexOf(item);
        }
    }

    public void Insert(int index, Job item)
    {
        lock (_jobs)
        {
            _jobs.Insert(index, item);
        }
    }

    public bool Remove(Job item)
    {
        lock (_jobs)
        {
            return _jobs.Remove(item);
        }
    }

    public void RemoveAt(int index)
    {
        lock (_jobs)
        {
            _jobs.RemoveAt(index);
        }
    }

    bool IList.IsFixedSize => false;

    bool ICollection.IsSynchronized => true;

    object ICollection.SyncRoot => _jobs;

    object? IList.this[int index]
    {
        get => this[index];
        set => this[index] = (Job)value!;
    }

    int IList.Add(object? value)
    {
        lock (_jobs)
        {
            _jobs.Add((Job)value!);
            return _jobs.Count - 1;
        }
    }

    bool IList.Contains(object? value) => value is Job job && Contains(job);

    int IList.IndexOf(object? value) => value is Job job ? IndexOf(job) : -1;

    void IList.Insert(int index, object? value) => Insert(index, (Job)value!);

    void IList.Remove(object? value)
    {
        if (value is Job job)
        {
            Remove(job);
        }
    }

    void ICollection.CopyTo(Array array, int index)
    {
        lock (_jobs)
        {
            ((ICollection)_jobs).CopyTo(array, index);
        }
    }

    private bool TryGet(int index, out Job? job)
    {
        lock (_jobs)
        {
            job = index < _jobs.Count ? _jobs[index] : null;
        }

        return job is not null;
    }
}
