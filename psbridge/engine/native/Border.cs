using System;
using System.Management.Automation;
using System.Runtime.CompilerServices;
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

    // Half a megabyte together with .NET's 128 KB; the smallest threads have one and a half.
    private const int StackSteps = 6;
    private const int StackStep = 64 * 1024;

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

    /// <summary>Refuse a call into Python for which the thread's stack is too short.</summary>
    /// <remarks>
    /// Python counts its calls and not what they take of the stack, and .NET asks for 128 KB only. So
    /// what recursion has left is looked at here, before Python runs, on whichever thread that is.
    /// Python's own limit is looked at where a cmdlet gets its hooks.
    /// </remarks>
    /// <exception cref="ScriptCallDepthException">PowerShell's own error for this.</exception>
    public static void CheckDepth()
    {
        if (!HasStack(StackSteps))
        {
            throw new ScriptCallDepthException();
        }
    }

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

    // .NET only says whether 128 KB are left. So this goes down in steps that are shorter, and asks.
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private static unsafe bool HasStack(int steps)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            return false;
        }

        if (steps == 0)
        {
            return true;
        }

        byte* step = stackalloc byte[StackStep];
        step[0] = 1;
        return HasStack(steps - 1) && step[0] == 1;
    }
}
