using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace PSBridge;

/// <summary>A stop of a pipeline that does not get lost.</summary>
/// <remarks>
/// While a finally or a clean block runs, the engine takes back that its pipeline is to stop, so that
/// the block can run to its end, and puts back afterwards what it has read before. A stop that comes
/// in between is overwritten. Each command that ends inside a script passes there, if only for a
/// moment: of 500 loops of quick commands one misses its stop, runs on in the state Stopping, and any
/// further stop does nothing. So psbridge does itself what the engine's stop does, under the lock
/// under which commands come and go, and notes the innermost command. As long as a stop stands, no
/// command that it found leaves. Where the pipeline is not to stop any more and that command has left,
/// the stop is lost, and is made again.
/// Assumptions: commands come and go under that lock, and stay while the pipeline is to stop. The
/// engine's stop is not asked for besides: it would break off a finally that ours has led to.
/// Not seen: a stop that comes in the finally of a script, in which nothing notices it. The commands
/// are then the same as in a finally that a stop has led to.
/// Rejected: to repeat a stop after some time. It would break off a finally that takes its time.
/// </remarks>
public sealed class LastingStop
{
    // How often it looks at once, and how long it sleeps between two looks after that.
    private const int SoonLooks = 100;
    private const int LaterMilliseconds = 20;

    private static readonly ConditionalWeakTable<Pipeline, LastingStop> s_asked = [];

    private readonly Pipeline _pipeline;
    private readonly object _stopper;
    private readonly object _lock;
    private readonly IEnumerable _commands;
    private object[] _stopped = [];

    private LastingStop(Pipeline pipeline, object stopper)
    {
        (_pipeline, _stopper) = (pipeline, stopper);
        _lock = EngineMembers.Stops.Lock.Field!.GetValue(stopper)!;
        _commands = (IEnumerable)EngineMembers.Stops.Commands.Field!.GetValue(stopper)!;
    }

    /// <summary>Ask a pipeline to stop; may be called again.</summary>
    /// <param name="pipeline">The outermost one in its runspace.</param>
    public static void Begin(PowerShell pipeline)
    {
        PipelineRun.LetGo(pipeline);
        // Not while it is being begun, see PipelineRun.Begin.
        lock (pipeline)
        {
            if (pipeline.InvocationStateInfo.State == PSInvocationState.NotStarted)
            {
                // And wait for that. The engine lets what is Stopped begin again, and clears it a moment later.
                pipeline.Stop();
                return;
            }

            // When it has ended, something else may run there. What runs while its state is still Running is
            // its own: the next one begins when that has changed.
            Pipeline[] running = RunningIn(pipeline.Runspace);
            if (pipeline.InvocationStateInfo.State != PSInvocationState.Running || !Begin(pipeline.Runspace, running))
            {
                pipeline.BeginStop(null, null);
            }
        }
    }

    /// <summary>Ask all that runs in a runspace to stop; may be called again.</summary>
    /// <param name="runspace">A runspace.</param>
    /// <returns>False where this can do nothing: nothing runs there yet or any more, somebody else's
    /// stop was first, or the runspace is in another process. The engine's own stop is the way then.</returns>
    internal static bool Begin(Runspace? runspace) => Begin(runspace, RunningIn(runspace));

    private static bool Begin(Runspace? runspace, Pipeline[] running)
    {
        // From the outermost on: what makes an error of the stop of an inner one, as the loading of a module for
        // a command does, must find that the outer one is stopped.
        LastingStop[] stops = [.. running.Select(Ask).OfType<LastingStop>()];
        if (stops.Length == 0)
        {
            return false;
        }

        EngineMembers.Stops.ReleaseDebugger.Method!.Invoke(runspace, null);
        // From the innermost on, as the engine does.
        foreach (LastingStop stop in stops.Reverse())
        {
            stop.Start();
        }

        return true;
    }

    /// <summary>Whether anything runs in a runspace, be it a pipeline that PowerShell has made.</summary>
    /// <param name="runspace">A runspace of this process.</param>
    /// <returns>Whether anything does.</returns>
    public static bool RunsIn(Runspace runspace) => RunningIn(runspace).Length > 0;

    private static Pipeline[] RunningIn(Runspace? runspace)
    {
        if (runspace is null || !EngineMembers.Stops.Members.All(member => member.IsThere)
            || !EngineMembers.Stops.Running.Property!.DeclaringType!.IsInstanceOfType(runspace))
        {
            return [];
        }

        lock (EngineMembers.Stops.RunspaceLock.Field!.GetValue(runspace)!)
        {
            return [.. (IEnumerable<Pipeline>)EngineMembers.Stops.Running.Property.GetValue(runspace)!];
        }
    }

    // The stop of a pipeline, which may have been asked for before; null where the engine's is the way.
    private static LastingStop? Ask(Pipeline pipeline)
    {
        lock (s_asked)
        {
            if (!s_asked.TryGetValue(pipeline, out LastingStop? stop)
                && EngineMembers.Stops.Stopper.Property!.GetValue(pipeline) is { } stopper)
            {
                stop = new LastingStop(pipeline, stopper);
                if (!stop.TrySet())
                {
                    return null;
                }

                s_asked.Add(pipeline, stop);
            }

            return stop;
        }
    }

    private bool IsSet
    {
        get => EngineMembers.Stops.IsStopping.Property!.GetValue(_stopper) is true;
        set => EngineMembers.Stops.IsStopping.Property!.SetValue(_stopper, value);
    }

    private bool TrySet()
    {
        lock (_lock)
        {
            if (IsSet || _pipeline.PipelineStateInfo.State != PipelineState.Running)
            {
                return false;
            }

            Set();
            return true;
        }
    }

    private void Set()
    {
        _stopped = [.. _commands.Cast<object>()]; // the innermost first
        foreach (object command in _stopped)
        {
            NoteStop(command);
        }

        IsSet = true;
    }

    // What it ends with is the first failure that is noted, and a stop notes one late: on another thread.
    private static void NoteStop(object command)
    {
        if (EngineMembers.Stops.Failure.Field is not { } failure
            || EngineMembers.Stops.FailureLock.Field?.GetValue(command) is not { } its)
        {
            return;
        }

        lock (its)
        {
            if (failure.GetValue(command) is null)
            {
                failure.SetValue(command, ExceptionDispatchInfo.Capture(new PipelineStoppedException()));
            }
        }
    }

    private int _started;

    private void Start()
    {
        if (Interlocked.Exchange(ref _started, 1) == 1)
        {
            return;
        }

        try
        {
            // A command's own way to stop may take long.
            new Thread(Last) { IsBackground = true, Name = "psbridge stop" }.Start();
        }
        catch (Exception error) when (error is OutOfMemoryException or ThreadStartException)
        {
            StopCommands();
        }
    }

    private void Last()
    {
        StopCommands();
        SpinWait soon = new();
        while (_pipeline.PipelineStateInfo.State is PipelineState.Running or PipelineState.Stopping)
        {
            if (soon.Count < SoonLooks)
            {
                soon.SpinOnce();
            }
            else
            {
                Thread.Sleep(LaterMilliseconds);
            }

            if (SetAgain())
            {
                StopCommands();
                soon.Reset();
            }
        }
    }

    private bool SetAgain()
    {
        lock (_lock)
        {
            if (IsSet || _stopped.Length == 0 || _commands.Cast<object>().Contains(_stopped[0]))
            {
                return false;
            }

            Set();
            return true;
        }
    }

    private void StopCommands()
    {
        foreach (object command in _stopped)
        {
            try
            {
                EngineMembers.Stops.Stop.Method!.Invoke(command, null);
            }
            catch (TargetInvocationException)
            {
                // One that fails to stop must not save the others.
            }
        }

        try
        {
            // One may wait for more. Not before they are told to stop, as the engine does: to a command
            // this is the end of its input, at which it does what is right for all of it.
            _pipeline.Input.Close();
        }
        catch (ObjectDisposedException)
        {
            // It has ended.
        }
    }
}
