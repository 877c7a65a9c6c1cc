using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace PSBridge;

/// <summary>Calls for many things at once, on a few threads.</summary>
/// <remarks>
/// Rejected: the thread pool, which has two threads on a small machine and adds one in half a
/// second.
/// </remarks>
internal static class SideBySide
{
    private const int MostThreads = 16;

    /// <summary>Call something for each number, with what it throws ignored: one that fails must not
    /// save the others.</summary>
    /// <param name="count">How many numbers there are, from 0.</param>
    /// <param name="call">What to call.</param>
    /// <param name="milliseconds">How long to wait for the end at most; -1 is for ever. Calls that
    /// take longer go on, on threads that keep no process alive.</param>
    /// <returns>Whether all have been called and have returned.</returns>
    internal static bool Run(int count, Action<int> call, int milliseconds = Timeout.Infinite)
    {
        int next = -1;

        void CallOneByOne()
        {
            for (int i = Interlocked.Increment(ref next); i < count; i = Interlocked.Increment(ref next))
            {
                try
                {
                    call(i);
                }
                catch (Exception)
                {
                }
            }
        }

        var threads = new List<Thread>();
        try
        {
            while (threads.Count < Math.Min(MostThreads, count))
            {
                Thread thread = new(CallOneByOne) { IsBackground = true, Name = "psbridge side by side" };
                thread.Start();
                threads.Add(thread);
            }
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            // There are no more threads to be had: those that there are do it all.
            if (threads.Count == 0)
            {
                CallOneByOne();
            }
        }

        var waited = Stopwatch.StartNew();
        return threads.TrueForAll(thread => milliseconds < 0
            ? thread.Join(Timeout.Infinite)
            : thread.Join(Math.Max(0, milliseconds - (int)waited.ElapsedMilliseconds)));
    }
}
