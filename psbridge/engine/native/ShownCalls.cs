using System;
using System.Collections;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;
using System.Runtime.CompilerServices;

namespace PSBridge;

/// <summary>What Receive-Job has shown of a job in another process, past all streams.</summary>
/// <remarks>
/// Its warnings, verbose and debug messages are in its results as calls of the host, and in its buffers as
/// records. Receive-Job makes the calls and leaves the records where they are, so whoever reads the job after it would
/// have them once more. From the first look at the job on, a call that somebody makes takes its record away.
/// What was shown before is told by what else was received: by nothing where the job has written nothing else.
/// </remarks>
internal static class ShownCalls
{
    private static readonly ConditionalWeakTable<Job, object> s_watched = [];

    /// <summary>The streams that are shown so.</summary>
    internal static JobStream[] Streams { get; } = [JobStream.Warning, JobStream.Verbose, JobStream.Debug];

    /// <summary>Let go of what is shown from now on, and of what has been. May be called again.</summary>
    internal static void Watch(Job job)
    {
        if (!RemotingJobs.IsChild(job) || JobInternals.Results?.Invoke(job) is not { } results)
        {
            return;
        }

        lock (((ICollection)results).SyncRoot)
        {
            if (s_watched.TryAdd(job, results) && DrainedList<PSStreamObject>.Give(results) is { } list)
            {
                list.WhenTaken = one => LetGo(job, one);
                if (JobInternals.IsFinished(job.JobStateInfo.State))
                {
                    LetGoOfEarlier(job, [.. results]);
                }
            }
        }
    }

    /// <summary>Do something under the lock of a job's results that shows nothing.</summary>
    internal static void Quietly(PSDataCollection<PSStreamObject> results, Action take)
    {
        lock (((ICollection)results).SyncRoot)
        {
            DrainedList<PSStreamObject>? list = DrainedList<PSStreamObject>.Of(results);
            Action<PSStreamObject>? letGo = list?.WhenTaken;
            try
            {
                if (list is not null)
                {
                    list.WhenTaken = null;
                }

                take();
            }
            finally
            {
                if (list is not null)
                {
                    list.WhenTaken = letGo;
                }
            }
        }
    }

    private static void LetGo(Job job, PSStreamObject taken)
    {
        if (JobReader.StreamOfCall(taken) is { } stream && stream != JobStream.Progress)
        {
            Drop(job, stream, 1);
        }
    }

    // Of a job that has ended, all that is still to be shown is in its results.
    private static void LetGoOfEarlier(Job job, PSStreamObject[] left)
    {
        JobStream[] copied = [JobStream.Output, JobStream.Error, JobStream.Warning, JobStream.Information];
        if (!copied.Any(stream => Count(job, stream) > left.Count(one => JobReader.StreamOf(one.ObjectType) == stream)))
        {
            return; // nobody has received it
        }

        foreach (JobStream stream in Streams)
        {
            Drop(job, stream, Count(job, stream) - left.Count(one => JobReader.StreamOfCall(one) == stream));
        }
    }

    private static int Count(Job job, JobStream stream) => BufferOf(job, stream)?.Count ?? 0;

    private static void Drop(Job job, JobStream stream, int count) => BufferOf(job, stream)?.Drop(count);

    private static JobBuffer? BufferOf(Job job, JobStream stream)
    {
        try
        {
            return JobBuffer.Of(job, stream);
        }
        catch (ObjectDisposedException)
        {
            return null; // it has been removed
        }
    }
}
