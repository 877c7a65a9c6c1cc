using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;
using System.Runtime.InteropServices;
using System.Threading;

namespace Psbridge.Pwsh;

/// <summary>Runs pipelines to their end, shows what they put out, and stops them on Ctrl-C.</summary>
internal sealed class Executor : IDisposable
{
    private readonly Runspace _runspace;
    private readonly ConsoleUserInterface _ui;
    private readonly PosixSignalRegistration _interrupt;
    private readonly Lock _gate = new();
    private Pipeline? _running;

    internal Executor(Runspace runspace, ConsoleUserInterface ui)
    {
        _runspace = runspace;
        _ui = ui;
        // Not Console.CancelKeyPress, which would set up the terminal whether it is used or not.
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnInterrupt);
    }

    /// <summary>Whether Ctrl-C stopped a pipeline.</summary>
    internal bool Interrupted { get; private set; }

    public void Dispose() => _interrupt.Dispose();

    /// <summary>
    /// Run a pipeline with its output on the console, and report what it throws.
    /// </summary>
    /// <param name="pipeline">The pipeline; it is disposed of afterwards.</param>
    /// <param name="input">Lines for <c>$input</c>, read while the pipeline runs; null for none.</param>
    /// <returns>False if a terminating error ended it.</returns>
    internal bool Run(Pipeline pipeline, TextReader? input)
    {
        string text = pipeline.Commands[0].CommandText;
        if (Execute(pipeline, input) is not { } error)
        {
            return true;
        }

        Report(error is IncompleteParseException ? WithPosition(text, error) : error);
        return false;
    }

    /// <summary>The value of <c>$?</c> after the last pipeline.</summary>
    internal bool LastSucceeded()
    {
        using Pipeline pipeline = _runspace.CreatePipeline("$global:?");
        return pipeline.Invoke().All(LanguagePrimitives.IsTrue);
    }

    private Exception? Execute(Pipeline pipeline, TextReader? input)
    {
        using (pipeline)
        using (var finished = new ManualResetEventSlim())
        {
            // Errors go down the same pipe as values, so that both are shown in their order.
            foreach (Command command in pipeline.Commands)
            {
                command.MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
            }

            pipeline.Commands.Add(new Command("Out-Default", isScript: false, useLocalScope: true));
            pipeline.StateChanged += (_, change) =>
            {
                if (change.PipelineStateInfo.State
                    is PipelineState.Completed or PipelineState.Failed or PipelineState.Stopped)
                {
                    finished.Set();
                }
            };

            lock (_gate)
            {
                _running = pipeline;
            }

            if (input is null)
            {
                pipeline.Input.Close();
            }
            else
            {
                Feed(pipeline.Input, input);
            }

            pipeline.InvokeAsync();
            finished.Wait();
            lock (_gate)
            {
                _running = null;
            }

            _ui.EndProgress();
            // What Out-Default itself complained about; everything else it has shown.
            foreach (object error in pipeline.Error.NonBlockingRead())
            {
                _ui.WriteErrorLine(error.ToString() ?? "");
            }

            PipelineStateInfo end = pipeline.PipelineStateInfo;
            return end.State == PipelineState.Failed ? end.Reason : null;
        }
    }

    /// <summary>
    /// Hand lines to a pipeline from a thread of their own. The pipeline may end before its input
    /// does, and a blocked read cannot be called off; a background thread keeps nothing waiting.
    /// </summary>
    private static void Feed(PipelineWriter target, TextReader source)
    {
        var thread = new Thread(() =>
        {
            try
            {
                while (source.ReadLine() is { } line)
                {
                    target.Write(line);
                }

                target.Close();
            }
            catch (Exception error) when (error is PipelineClosedException or ObjectDisposedException)
            {
                // The pipeline ended first.
            }
        })
        {
            IsBackground = true,
            Name = "pwsh standard input",
        };
        thread.Start();
    }

    /// <summary>
    /// An unfinished command is refused without the place where it is, and the formatter, which
    /// wants to point there, then shows an empty line. So it is looked for once more.
    /// </summary>
    private static Exception WithPosition(string text, Exception error)
    {
        Parser.ParseInput(text, out _, out ParseError[] errors);
        return errors.Length > 0 ? new ParseException(errors) : error;
    }

    /// <summary>Show a terminating error as the formatter shows any error.</summary>
    private void Report(Exception error)
    {
        ErrorRecord record = (error as IContainsErrorRecord)?.ErrorRecord
            ?? new ErrorRecord(error, "ConsoleHost.ReportException", ErrorCategory.NotSpecified, null);
        Pipeline pipeline = _runspace.CreatePipeline();
        pipeline.Input.Write(EngineInternals.AsErrorOutput(record));
        if (Execute(pipeline, input: null) is not null)
        {
            _ui.WriteErrorLine(error.Message);
        }
    }

    private void OnInterrupt(PosixSignalContext context)
    {
        lock (_gate)
        {
            // The second Ctrl-C, and one while nothing runs or while a question waits for its
            // answer, does what it does to any program: a blocked read could not be stopped.
            if (_running is null || Interrupted || _ui.IsReading)
            {
                return;
            }

            context.Cancel = true;
            Interrupted = true;
            _running.StopAsync();
        }
    }
}
