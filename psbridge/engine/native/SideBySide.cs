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
internal sealed class SideBySide
{
    private const int MostThreads = 16;

    private readonly List<Thread> _threads = [];

    private SideBySide()
    {
    }

    /// <summary>Call something for each number, with what it throws ignored: one that fails must not
    /// save the others.</summary>
    /// <param name="count">How many numbers there are, from 0.</param>
    /// <param name="call">What to call.</param>
    /// <returns>The calls, on threads that keep no process alive.</returns>
    internal static SideBySide Begin(int count, Action<int> call)
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

        var calls = new SideBySide();
        try
        {
            while (calls._threads.Count < Math.Min(MostThreads, count))
            {
                Thread thread = new(CallOneByOne) { IsBackground = true, Name = "psbridge side by side" };
                thread.Start();
                calls._threads.Add(thread);
            }
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            // There are no more threads to be had: those that there are do it all.
            if (calls._threads.Count == 0)
            {
                CallOneByOne();
            }
        }

        return calls;
    }

    /// <summary>Wait until all have been called and have returned.</summary>
    /// <param name="milliseconds">How long at most; -1 is for ever.</param>
    /// <returns>Whether they have.</returns>
    internal bool Wait(int milliseconds = Timeout.Infinite)
    {
        var waited = Stopwatch.StartNew();
        return _threads.TrueForAll(thread => milliseconds < 0
            ? thread.Join(Timeout.Infinite)
            : thread.Join(Math.Max(0, milliseconds - (int)waited.ElapsedMilliseconds)));
    }
}
