using System;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;

namespace Psbridge.Pwsh;

/// <summary>One runspace, what the command line asked to run in it, and the exit code of that.</summary>
internal sealed class Session : IDisposable
{
    private readonly Arguments _arguments;
    private readonly ConsoleHost _host;
    private readonly Runspace _runspace;
    private readonly Executor _executor;

    internal Session(Arguments arguments)
    {
        _arguments = arguments;
        _host = new ConsoleHost(arguments.NonInteractive);
        // Not CreateDefault(): that one wants the assemblies that only a full PowerShell has.
        _runspace = RunspaceFactory.CreateRunspace(_host, InitialSessionState.CreateDefault2());
        _runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        _runspace.Open();
        EngineInternals.SetPrimary(_runspace);
        _executor = new Executor(_runspace, _host.ConsoleUI);
    }

    public void Dispose()
    {
        _executor.Dispose();
        _runspace.Dispose();
    }

    internal int Run()
    {
        bool threw = _arguments.Mode switch
        {
            Mode.File => !RunFile(_arguments.Text!),
            Mode.Command => !RunCommand(_arguments.Text!),
            _ => !RunStandardInput(),
        };
        if (_executor.Interrupted)
        {
            return ExitCode.Interrupted;
        }

        return _host.ExitCodeAsked ?? (threw || !_executor.LastSucceeded() ? ExitCode.Failure : ExitCode.Success);
    }

    private bool RunFile(string path)
    {
        // Only the engine knows what to do with a .ps1; any other name is a script with a shebang.
        bool isScriptFile = OperatingSystem.IsWindows()
            || path.EndsWith(".ps1", StringComparison.OrdinalIgnoreCase);
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _host.UI.WriteErrorLine(error.Message);
            return false;
        }

        Pipeline pipeline = _runspace.CreatePipeline();
        var command = isScriptFile ? new Command(path) : new Command(text, isScript: true, useLocalScope: false);
        pipeline.Commands.Add(command);
        EngineInternals.LetScriptExit(_runspace);
        return RunWithParameters(pipeline, text);
    }

    private bool RunCommand(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return true;
        }

        return RunWithParameters(_runspace.CreatePipeline(text, addToHistory: true), text);
    }

    private bool RunWithParameters(Pipeline pipeline, string text)
    {
        foreach (CommandParameter parameter in _arguments.Parameters)
        {
            pipeline.Commands[0].Parameters.Add(parameter);
        }

        // A standard input that nobody asked for is left alone: it may be a pipe that never ends,
        // and a program that the command starts may want it.
        bool readInput = Console.IsInputRedirected && _arguments.InputIsText && UsesInput(text);
        return _executor.Run(pipeline, readInput ? Console.In : null);
    }

    private static bool UsesInput(string text) =>
        Parser.ParseInput(text, out _, out _).Find(
            ast => ast is VariableExpressionAst { VariablePath: { IsVariable: true } path }
                && path.UserPath.Split(':')[^1].Equals("input", StringComparison.OrdinalIgnoreCase),
            searchNestedScriptBlocks: false) is not null;

    /// <summary>
    /// Run the commands on the standard input, each as soon as it has come, by the native rule: a
    /// line that is whole runs at once; one that is not begins a block, which an empty line ends.
    /// </summary>
    private bool RunStandardInput()
    {
        bool succeeded = true;
        string block = "";
        while (_host.ExitCodeAsked is null && !_executor.Interrupted)
        {
            string? line = Console.In.ReadLine();
            if (!string.IsNullOrWhiteSpace(line) && (block.Length > 0 || IsIncomplete(line)))
            {
                block = block.Length > 0 ? block + "\n" + line : line;
                continue;
            }

            string text = block.Length > 0 ? block : line ?? "";
            // The end of the input ends a block too; the native host forgets what is in it.
            if (text.Trim().Length > 0 && (line is null || !IsIncomplete(text)))
            {
                succeeded = _executor.Run(_runspace.CreatePipeline(text, addToHistory: true), input: null);
                block = "";
            }

            if (line is null)
            {
                break;
            }
        }

        return succeeded;
    }

    private static bool IsIncomplete(string text)
    {
        Parser.ParseInput(text, out _, out ParseError[] errors);
        return errors.Any(error => error.IncompleteInput);
    }
}
