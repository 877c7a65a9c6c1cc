using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace PSBridge;

/// <summary>Jobs that are stopped side by side.</summary>
/// <remarks>
/// Each request calls Python, which may keep a caller waiting for its GIL for 5 ms while jobs run.
/// From Python, one job after the other, two hundred are a second. Assumption: a request never
/// waits for the work. Rejected: the thread pool, which has two threads on a small machine and adds
/// one in half a second.
/// </remarks>
/// <param name="jobs">The jobs.</param>
public sealed class JobsToStop(IPythonJob[] jobs)
{
    private const int MostThreads = 16;

    private int _next = -1;

    /// <summary>Ask all of them to stop.</summary>
    public void Request()
    {
        var others = new List<Thread>();
        try
        {
            while (others.Count < Math.Min(MostThreads, jobs.Length) - 1)
            {
                Thread other = new(RequestOneByOne) { IsBackground = true, Name = "psbridge stops jobs" };
                other.Start();
                others.Add(other);
            }
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            // There are no more threads to be had: those that there are do it all.
        }

        RequestOneByOne();
        others.ForEach(other => other.Join());
    }

    /// <summary>Wait until all have ended whose work is not done by the calling thread.</summary>
    /// <param name="milliseconds">How long to wait at most.</param>
    /// <returns>Whether they have.</returns>
    public bool Wait(int milliseconds)
    {
        var waited = Stopwatch.StartNew();
        bool all = true;
        foreach (IPythonJob job in jobs)
        {
            int left = Math.Max(0, milliseconds - (int)waited.ElapsedMilliseconds);
            all &= job.WorksOnThisThread || job.WaitForFinish(left);
        }

        return all;
    }

    private void RequestOneByOne()
    {
        for (int i = Interlocked.Increment(ref _next); i < jobs.Length; i = Interlocked.Increment(ref _next))
        {
            try
            {
                jobs[i].RequestStop();
            }
            catch (Exception)
            {
                // One that does not take it must not save the others.
            }
        }
    }
}
