using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>Cleans up at signals for which Python has no handler yet, and lets them end the process.</summary>
/// <remarks>
/// Only Python's main thread may set Python's own handler. Where it waits in a lock or sleeps, it does
/// not come to that; .NET's can be set from any thread, and is called on one of .NET's.
/// A handler that Python sets later takes the place of this one, with the system.
/// </remarks>
public sealed class EndBySignal
{
    private readonly List<PosixSignalRegistration> _watched;
    private readonly Action<int> _arrived;
    private readonly int _milliseconds;
    private int _signalled;
    private volatile bool _left;

    /// <summary>Watch signals.</summary>
    /// <param name="signals">Their numbers; each has the system's own handler.</param>
    /// <param name="arrived">Python's; cleans up, and takes its time.</param>
    /// <param name="milliseconds">How long the process lives on for it at most.</param>
    public EndBySignal(int[] signals, Action<int> arrived, int milliseconds)
    {
        _arrived = arrived;
        _milliseconds = milliseconds;
        _watched = [.. signals.Select(number => PosixSignalRegistration.Create((PosixSignal)number, Arrived))];
    }

    /// <summary>Watch no longer: Python's main thread does, also for what has arrived.</summary>
    public void Leave()
    {
        _left = true;
        foreach (PosixSignalRegistration one in _watched)
        {
            one.Dispose();
        }
    }

    private void Arrived(PosixSignalContext context)
    {
        if (Interlocked.Exchange(ref _signalled, 1) != 0)
        {
            return; // the second one ends it at once
        }

        context.Cancel = true;
        int number = (int)context.Signal;
        // Whatever Python's main thread does: it may keep the GIL for long.
        Thread cleaner = new(() => Border.TryCall(() => _arrived(number))) { IsBackground = true };
        Thread ender = new(() =>
        {
            cleaner.Join(_milliseconds);
            if (!_left)
            {
                Leave();
                _ = Kill(Environment.ProcessId, number);
            }
        })
        { IsBackground = true };
        cleaner.Start();
        ender.Start();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}
