using System;
using System.Threading;

namespace PSBridge;

/// <summary>The gate through which every call from .NET into Python goes.</summary>
/// <remarks>
/// A call into a Python that is being finalized aborts the process. So each call enters here
/// first, and at exit the gate is closed and waits for those inside to come out. Guarantee: once
/// <see cref="Close"/> has returned true, no code of ours runs Python or will.
/// Rejected: asking Python whether it is finalizing. The answer can be out of date by the time
/// the call is made.
/// </remarks>
public static class Border
{
    private const int Closed = int.MinValue;

    // The number of calls inside; Closed is added when the gate shuts, so it is negative then.
    private static int s_inside;

    /// <summary>Whether Python can no longer be called.</summary>
    public static bool IsClosed => Volatile.Read(ref s_inside) < 0;

    /// <summary>Enter Python. Where this is true, <see cref="Leave"/> must follow.</summary>
    public static bool TryEnter()
    {
        if (Interlocked.Increment(ref s_inside) > 0)
        {
            return true;
        }

        Interlocked.Decrement(ref s_inside);
        return false;
    }

    /// <summary>Come out of Python.</summary>
    public static void Leave() => Interlocked.Decrement(ref s_inside);

    /// <summary>Call something of Python's, where that can still be called.</summary>
    /// <param name="call">What to call.</param>
    public static void TryCall(Action call)
    {
        if (!TryEnter())
        {
            return;
        }

        try
        {
            call();
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Let nobody in any more, and wait for those inside to come out.</summary>
    /// <param name="milliseconds">How long to wait for them.</param>
    /// <returns>Whether all have come out.</returns>
    public static bool Close(int milliseconds)
    {
        int seen = Volatile.Read(ref s_inside);
        while (seen >= 0)
        {
            int before = Interlocked.CompareExchange(ref s_inside, seen + Closed, seen);
            if (before == seen)
            {
                break;
            }

            seen = before;
        }

        return SpinWait.SpinUntil(() => Volatile.Read(ref s_inside) <= Closed, milliseconds);
    }
}
