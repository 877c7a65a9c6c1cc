using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using System.Threading;

namespace PSBridge;

/// <summary>One run of a pipeline: beginning it, waiting for it, and what it gave.</summary>
/// <remarks>
/// Here because each .NET type that Python meets costs it one to ten milliseconds the first time,
/// and a run has eight that nobody else needs: closed generic types, a wait handle, five streams.
/// </remarks>
/// <param name="pipeline">What to run.</param>
/// <param name="host">Its session's host; null where it runs on another machine.</param>
/// <param name="settings">How; null for the usual way.</param>
/// <param name="lines">What <c>$input</c> gets; null for nothing.</param>
public sealed class PipelineRun(
    PowerShell pipeline, SessionHost? host, PSInvocationSettings? settings, PSDataCollection<object>? lines)
{
    // How much output may wait for somebody who takes it.
    private const int Ahead = 256;

    // How often to look whether what is late runs.
    private const int LookMilliseconds = 10;

    private static readonly ConditionalWeakTable<PowerShell, PipelineRun> s_held = [];

    // A runspace gives its variables only while nothing runs there; scripts of members may, at a run's end.
    private static readonly ConditionalWeakTable<Runspace, PSVariableIntrinsics> s_variables = [];

    // Not PSObject: what has no properties of its own comes unwrapped here, at a tenth of the time.
    private readonly PSDataCollection<object> _output = new();

    // Of a run whose output is taken while it runs.
    private readonly ConcurrentQueue<object?> _ready = [];
    private readonly ManualResetEvent _news = new(false);
    private readonly AutoResetEvent _room = new(false);
    private volatile bool _holds = true;

    private Timer? _limit;
    private volatile bool _isLate;

    // The engine takes nothing else for several statements that are no script.
    private PSDataCollection<PSObject>? _statements;
    private IAsyncResult? _running;
    private ConsoleCalls? _console;
    private TextConsole? _text;
    private object? _exitCodeBefore;

    /// <summary>Show on a console what this run, which has not begun, has to show.</summary>
    /// <param name="call">Does what the host asks for; it raises nothing.</param>
    /// <param name="colours">Whether output may have escape sequences.</param>
    /// <param name="progress">Whether there is a terminal that progress can be shown on.</param>
    public void ShowOn(ConsoleCall call, bool colours, bool progress) =>
        _console = new ConsoleCalls(call, colours, progress);

    /// <summary>Give what this run, which has not begun, has to show as its output, one text.</summary>
    /// <param name="width">The columns to show it in.</param>
    /// <param name="colours">Whether it may have escape sequences.</param>
    /// <param name="far">Whether it runs on another machine, which shows things there.</param>
    public void ShowAsText(int width, bool colours, bool far)
    {
        _text = new TextConsole(width, host?.OwnConsole ?? ConsoleCalls.None);
        _console = new ConsoleCalls(_text.Call, colours, progress: false);
        if (far)
        {
            _text.Follow(_output, pipeline.Streams);
        }
    }

    /// <summary>Begin it on a thread of .NET's.</summary>
    /// <exception cref="PipelineStoppedException">It was stopped before.</exception>
    public void Begin()
    {
        if (host is not null)
        {
            host.ExitOfRun = null;
            host.Streams = pipeline.Streams;
            host.Console = _console ?? host.OwnConsole;
            _exitCodeBefore = LastExitCode();
        }

        ServeWhileItReads();

        // A stop comes before or after it. In its midst, when the pipeline is Running and nothing runs
        // yet, the engine would call it Stopped, and never tell those who wait for its end.
        lock (pipeline)
        {
            if (pipeline.InvocationStateInfo.State != PSInvocationState.NotStarted)
            {
                throw new PipelineStoppedException(); // the engine would begin it
            }

            if (pipeline.Commands.Commands.Any(command => command.IsEndOfStatement))
            {
                _statements = new PSDataCollection<PSObject>();
                _running = pipeline.BeginInvoke<object, PSObject>(lines, _statements, settings, null, null);
            }
            else
            {
                _running = pipeline.BeginInvoke<object, object>(lines, _output, settings, null, null);
            }
        }
    }

    /// <summary>Stop what was begun when its time is up, whatever its caller is waiting for.</summary>
    /// <param name="milliseconds">How long it may take from now on.</param>
    public void StopAfter(int milliseconds) => _limit = new Timer(
        _ =>
        {
            try
            {
                if (pipeline.InvocationStateInfo.State == PSInvocationState.Running)
                {
                    _isLate = true;
                    LastingStop.Begin(pipeline);
                }
            }
            catch (ObjectDisposedException)
            {
                // It has ended.
            }
        },
        null,
        milliseconds,
        Timeout.Infinite);

    /// <summary>Whether it was stopped because its time was up; it is not any more.</summary>
    /// <returns>Whether it was.</returns>
    public bool WasLate()
    {
        _limit?.Dispose();
        return _isLate;
    }

    /// <summary>Run it to its end, inside the pipeline that runs on this very thread.</summary>
    /// <param name="milliseconds">How long it may take; -1 is for ever.</param>
    /// <param name="outer">The host of the session, whose run this is no run of its own of.</param>
    /// <returns>Whether it was stopped because it took longer.</returns>
    public bool InvokeNested(int milliseconds, SessionHost? outer)
    {
        if (outer is null)
        {
            return InvokeNested(milliseconds);
        }

        (PSDataStreams? streams, ConsoleCalls console) = (outer.Streams, outer.Console);
        outer.Streams = pipeline.Streams;
        outer.Console = _console ?? console;
        try
        {
            return InvokeNested(milliseconds);
        }
        finally
        {
            outer.Streams = streams;
            outer.Console = console;
        }
    }

    private bool InvokeNested(int milliseconds)
    {
        bool stopped = false;
        // Again and again: what is stopped before it begins may begin nevertheless.
        using var clock = new Timer(
            _ =>
            {
                if (pipeline.InvocationStateInfo.State == PSInvocationState.Running)
                {
                    stopped = true;
                    pipeline.BeginStop(null, null);
                }
            },
            null,
            milliseconds,
            LookMilliseconds);
        // What is raised in it is its caller's.
        MemberCall.Within(null, () => pipeline.Invoke(lines, _output, settings));
        // It throws nothing where it was stopped.
        return stopped && pipeline.InvocationStateInfo.State == PSInvocationState.Stopped;
    }

    /// <summary>Let it run only a little ahead of who takes its output, from its beginning on.</summary>
    public void HoldBack()
    {
        s_held.Add(pipeline, this);
        var visits = VisitedPipeline.Of(pipeline);
        visits.Woken += () => _room.Set();
        CustomRecord? records = host is null ? null : new(pipeline.Runspace, RecordScripts.Session);
        // Raised on the pipeline's thread, under no lock.
        _output.DataAdded += (_, _) =>
        {
            foreach (object? item in _output.ReadAll())
            {
                MakeReady(records, item);
            }

            _news.Set();
            while (_holds && _ready.Count >= Ahead)
            {
                visits.Serve();
                _room.WaitOne();
            }
        };
    }

    // The scripts of a record run where it is written: the pipeline may be in one statement for long
    // afterwards, and nothing else may run code of its session meanwhile. A record whose scripts a stop has
    // ended was not written: who took it would run them again.
    private void MakeReady(CustomRecord? records, object? item)
    {
        object? ready = item;
        try
        {
            ready = records is null ? item : records.ReadWithScripts(item);
        }
        catch (Exception error) when (!ScriptMembers.EndsCall(error))
        {
            // Somebody changes it meanwhile, or its types are wrong: who takes it is told.
        }

        _ready.Enqueue(ready);
    }

    private void ServeWhileItReads()
    {
        if (host is null || lines is not { IsOpen: true } || EngineMembers.Objects.WhenIdle.Method is not { } subscribe)
        {
            return;
        }

        object input = ((ICollection)lines).SyncRoot;
        var visits = VisitedPipeline.Of(pipeline);
        visits.Woken += () =>
        {
            // It is taken while a script runs there.
            if (Monitor.TryEnter(input))
            {
                Monitor.PulseAll(input);
                Monitor.Exit(input);
            }
        };
        // Raised on the pipeline's thread before it waits for input, under the lock of that.
        EventHandler<EventArgs> serve = (_, _) => visits.ServeFeeder();
        subscribe.Invoke(lines, [serve]);
    }

    /// <summary>Let a pipeline run without anybody who takes its output: it is to stop.</summary>
    internal static void LetGo(PowerShell pipeline)
    {
        if (s_held.TryGetValue(pipeline, out PipelineRun? run))
        {
            run._holds = false;
            run._room.Set();
        }
    }

    /// <summary>Take the output that there is, and wait for some where there is none.</summary>
    /// <param name="milliseconds">How long to wait at most.</param>
    /// <returns>Its objects, records with scripts as a <see cref="ReadRecord"/>; none where it has ended, or
    /// time is up.</returns>
    public object?[] Take(int milliseconds)
    {
        if (_ready.IsEmpty)
        {
            WaitHandle.WaitAny([_news, _running!.AsyncWaitHandle], milliseconds);
        }

        _news.Reset();
        object?[] taken = _statements is null ? TakeReady() : [.. _statements.ReadAll()];
        _room.Set();
        return taken;
    }

    private object?[] TakeReady()
    {
        var taken = new object?[_ready.Count];
        int count = 0;
        while (count < taken.Length && _ready.TryDequeue(out taken[count]))
        {
            count++;
        }

        return count == taken.Length ? taken : taken[..count];
    }

    /// <summary>Wait for the end of what was begun.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>Whether it has ended.</returns>
    public bool Wait(int milliseconds) => _running!.AsyncWaitHandle.WaitOne(milliseconds);

    /// <summary>Why what was begun has failed; null where it has not.</summary>
    /// <returns>What the pipeline threw.</returns>
    public Exception? GetFailure()
    {
        PSInvocationStateInfo end = pipeline.InvocationStateInfo;
        // On another machine one that was stopped gives no reason.
        return end.Reason ?? (end.State == PSInvocationState.Completed ? null : new PipelineStoppedException());
    }

    /// <summary>Whether <c>exit</c> has ended it.</summary>
    /// <returns>Whether it has.</returns>
    public bool HasExited() => host?.ExitOfRun is not null;

    /// <summary>The exit code of what was begun and has ended.</summary>
    /// <returns>What it passed to <c>exit</c>, else that of the last program or script that it has run;
    /// null where it ran none.</returns>
    public int? GetExitCode()
    {
        if (host is null)
        {
            return null;
        }

        // Another object whenever it is set, be it to the same number.
        object? now = LastExitCode();
        return host.ExitOfRun ?? (ReferenceEquals(now, _exitCodeBefore) ? null : now as int?);
    }

    private object? LastExitCode() => s_variables.GetValue(pipeline.Runspace, VariablesOf).GetValue("global:LASTEXITCODE");

    private static PSVariableIntrinsics VariablesOf(Runspace runspace) =>
        ((EngineIntrinsics)runspace.SessionStateProxy.GetVariable("ExecutionContext")).SessionState.PSVariable;

    /// <summary>The output so far.</summary>
    /// <returns>Its objects.</returns>
    public object?[] GetOutput()
    {
        if (_text is not null)
        {
            return [_text.GetText()];
        }

        if (_statements is not null)
        {
            return [.. _statements];
        }

        if (!_ready.IsEmpty)
        {
            return [.. _ready];
        }

        // Not ReadAll(), which takes the first item out as often as there are items.
        // What was stopped and is not waited for may write meanwhile.
        lock (((ICollection)_output).SyncRoot)
        {
            var items = new object?[_output.Count];
            _output.CopyTo(items!, 0);
            return items;
        }
    }

    /// <summary>Whether there is anything in the streams beside the output.</summary>
    /// <returns>Whether an error, a message or a record of information was written.</returns>
    public bool HasRecords()
    {
        PSDataStreams streams = pipeline.Streams;
        return streams.Error.Count + streams.Warning.Count + streams.Verbose.Count
            + streams.Debug.Count + streams.Information.Count > 0;
    }
}
