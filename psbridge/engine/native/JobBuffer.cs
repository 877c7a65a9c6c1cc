using System;
using System.Collections;
using System.Management.Automation;

namespace PSBridge;

/// <summary>One of the seven buffers of a job, whatever its records are.</summary>
internal abstract class JobBuffer
{
    /// <summary>The buffer itself.</summary>
    internal abstract ICollection Collection { get; }

    /// <summary>How many records are in it.</summary>
    internal int Count => Collection.Count;

    /// <summary>What is locked while more than one step is taken.</summary>
    internal object SyncRoot => Collection.SyncRoot;

    /// <summary>The buffer of a stream.</summary>
    /// <remarks>
    /// Progress is in the buffer where the work writes it: of a child of ForEach-Object -Parallel that is
    /// another one once it has begun.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">The job has been removed.</exception>
    internal static JobBuffer Of(Job job, JobStream stream) => stream switch
    {
        JobStream.Output => new Typed<PSObject>(job.Output),
        JobStream.Error => new Typed<ErrorRecord>(job.Error),
        JobStream.Warning => new Typed<WarningRecord>(job.Warning),
        JobStream.Verbose => new Typed<VerboseRecord>(job.Verbose),
        JobStream.Debug => new Typed<DebugRecord>(job.Debug),
        JobStream.Information => new Typed<InformationRecord>(job.Information),
        _ => new Typed<ProgressRecord>(ParallelJobs.ProgressOf(job) ?? job.Progress),
    };

    /// <summary>Take a record.</summary>
    /// <param name="at">Its place.</param>
    /// <param name="keep">Whether it stays there.</param>
    /// <param name="record">The record.</param>
    /// <returns>Whether there is one.</returns>
    internal abstract bool TryTake(int at, bool keep, out object? record);

    /// <summary>Drop the first records, as far as there are so many.</summary>
    internal abstract void Drop(int count);

    /// <summary>Put a record to the front, also where nothing is added any more.</summary>
    internal abstract void PutBack(object? record);

    /// <summary>Have calls made for each record from now on.</summary>
    /// <param name="adding">Called under the buffer's lock, before the record is there.</param>
    /// <param name="added">Called when it is.</param>
    /// <param name="leave">What ends the calls.</param>
    /// <returns>How many records there are, for which no call is made.</returns>
    internal abstract int Follow(Action adding, Action added, out Action leave);

    private sealed class Typed<T>(PSDataCollection<T> buffer) : JobBuffer
    {
        internal override ICollection Collection => buffer;

        internal override bool TryTake(int at, bool keep, out object? record)
        {
            lock (SyncRoot)
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

        internal override void Drop(int count)
        {
            lock (SyncRoot)
            {
                for (int i = Math.Min(count, buffer.Count); i > 0; i--)
                {
                    buffer.RemoveAt(0);
                }
            }
        }

        internal override void PutBack(object? record) => DrainedList<T>.PutBack(buffer, (T)record!);

        internal override int Follow(Action adding, Action added, out Action leave)
        {
            void OnAdding(object? sender, DataAddingEventArgs data) => adding();
            void OnAdded(object? sender, DataAddedEventArgs data) => added();
            leave = () =>
            {
                buffer.DataAdding -= OnAdding;
                buffer.DataAdded -= OnAdded;
            };
            lock (SyncRoot)
            {
                buffer.DataAdding += OnAdding;
                buffer.DataAdded += OnAdded;
                return buffer.Count;
            }
        }
    }
}
