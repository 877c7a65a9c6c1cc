using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;
using System.Reflection;

namespace PSBridge;

/// <summary>A list from whose front items are taken one by one.</summary>
/// <remarks>
/// PowerShell's buffers of output and records take their first item out of a plain list as often as there
/// are items, which moves all others each time: to receive ten times as many takes a hundred times as long.
/// Here the items before the first one stay as empty places until half of the list is empty.
/// Assumption: whoever has the list holds its buffer's lock, as PowerShell does.
/// </remarks>
/// <typeparam name="T">What is in it.</typeparam>
internal sealed class DrainedList<T> : IList<T>
{
    private const int Kept = 1024;

    private readonly List<T> _items;
    private int _first;

    private DrainedList(List<T> items) => _items = items;

    /// <summary>Called under the buffer's lock with what is taken from the front, if not null.</summary>
    internal Action<T>? WhenTaken { get; set; }

    public int Count => _items.Count - _first;

    public bool IsReadOnly => false;

    public T this[int index]
    {
        get => _items[At(index)];
        set => _items[At(index)] = value;
    }

    /// <summary>Let a buffer have such a list, if the engine lets us; at any time.</summary>
    /// <returns>The list; null where it has none.</returns>
    internal static DrainedList<T>? Give(PSDataCollection<T> buffer)
    {
        if (s_data is null)
        {
            return null;
        }

        lock (((ICollection)buffer).SyncRoot)
        {
            if (s_data.GetValue(buffer) is List<T> items)
            {
                s_data.SetValue(buffer, new DrainedList<T>(items));
            }

            return Of(buffer);
        }
    }

    /// <summary>The list of a buffer that has one; else null.</summary>
    internal static DrainedList<T>? Of(PSDataCollection<T> buffer) => s_data?.GetValue(buffer) as DrainedList<T>;

    /// <summary>Put an item to the front of a buffer, be it one that takes no more.</summary>
    internal static void PutBack(PSDataCollection<T> buffer, T item)
    {
        lock (((ICollection)buffer).SyncRoot)
        {
            if (s_data?.GetValue(buffer) is IList<T> items)
            {
                items.Insert(0, item);
            }
            else
            {
                buffer.Insert(0, item);
            }
        }
    }

    private static readonly FieldInfo? s_data = EngineMembers.Objects.BufferedOf<T>();

    public void RemoveAt(int index)
    {
        if (index != 0)
        {
            _items.RemoveAt(At(index));
            return;
        }

        WhenTaken?.Invoke(_items[At(0)]);
        _items[At(0)] = default!;
        _first++;
        if (_first > 32 && _first * 2 >= _items.Count)
        {
            _items.RemoveRange(0, _first);
            _first = 0;
            if (_items.Capacity > Kept && _items.Count < _items.Capacity / 4)
            {
                _items.Capacity = Math.Max(Kept, 2 * _items.Count); // the rest is for others
            }
        }
    }

    public void Add(T item) => _items.Add(item);

    public void Insert(int index, T item)
    {
        if (index == 0 && _first > 0)
        {
            _items[--_first] = item; // where one was taken
        }
        else
        {
            _items.Insert(index + _first, item);
        }
    }

    public void Clear()
    {
        _items.Clear();
        _first = 0;
    }

    public int IndexOf(T item)
    {
        int at = _items.IndexOf(item, _first);
        return at < 0 ? at : at - _first;
    }

    public bool Contains(T item) => IndexOf(item) >= 0;

    public bool Remove(T item)
    {
        int at = IndexOf(item);
        if (at >= 0)
        {
            RemoveAt(at);
        }

        return at >= 0;
    }

    public void CopyTo(T[] array, int arrayIndex) => _items.CopyTo(_first, array, arrayIndex, Count);

    public IEnumerator<T> GetEnumerator()
    {
        for (int at = _first; at < _items.Count; at++)
        {
            yield return _items[at];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private int At(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return index + _first;
    }
}

/// <summary>The buffers of jobs, made fit for many records.</summary>
public static class JobBuffers
{
    /// <summary>The same for one buffer of objects.</summary>
    /// <param name="buffer">The buffer.</param>
    public static void PrepareBuffer(PSDataCollection<PSObject> buffer) => DrainedList<PSObject>.Give(buffer);

    /// <summary>The same for what is received in the order of writing.</summary>
    internal static void PrepareResults(Job job)
    {
        if (JobInternals.Results is { } results)
        {
            DrainedList<PSStreamObject>.Give(results(job));
        }
    }

    /// <summary>Let what a job has written be received in time that grows with it.</summary>
    internal static void PrepareOne(Job job)
    {
        PrepareResults(job);
        try
        {
            DrainedList<PSObject>.Give(job.Output);
            DrainedList<ErrorRecord>.Give(job.Error);
            DrainedList<WarningRecord>.Give(job.Warning);
            DrainedList<VerboseRecord>.Give(job.Verbose);
            DrainedList<DebugRecord>.Give(job.Debug);
            DrainedList<InformationRecord>.Give(job.Information);
        }
        catch (ObjectDisposedException)
        {
            // It has been removed, and has none.
        }
    }
}
