using System;
using System.Collections;
using System.ComponentModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>What Python starts PowerShell's background jobs with: Start-Job with more to say.</summary>
/// <remarks>
/// Processes, jobs, streams and the throttle are Start-Job's own. Only the commands that the engine has
/// made for a process are completed here: Start-Job has arguments by position and one script alone, while a
/// command of the engine's takes names, and a job of the engine's any number of children.
/// Rejected: a script around the user's that splats what it gets. The places of errors, <c>$MyInvocation</c>,
/// <c>$input</c> and <c>$using:</c> would be other ones.
/// No session lists it: Python calls it by its class.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
[Cmdlet(VerbsLifecycle.Start, "Scripts", DefaultParameterSetName = ComputerNameParameterSet)]
public sealed class StartScriptsCommand : StartJobCommand
{
    // Makes a script of more than one statement, which the engine leaves as it is.
    private const string Second = "\n\n$null = $null";

    /// <summary>What is to run, a child for each; the first one's code is ScriptBlock, too.</summary>
    [Parameter(Mandatory = true)]
    public ScriptToStart[] Script { get; set; } = [];

    /// <summary>How many at once.</summary>
    [Parameter]
    public int AtOnce { get; set; } = 1;

    /// <inheritdoc/>
    public override int ThrottleLimit => AtOnce;

    /// <summary>Where they run, a path and no pattern; somebody has seen that it is there.</summary>
    [Parameter]
    public string? Folder { get; set; }

    /// <inheritdoc/>
    protected override void CreateHelpersForSpecifiedComputerNames()
    {
        WorkingDirectory = Folder ?? WorkingDirectory;
        foreach (ScriptToStart script in Script)
        {
            Create(script);
        }

        ScriptBlock = Script[0].Block;  // the job's command
    }

    private void Create(ScriptToStart script)
    {
        Make(script.Block, script.Arguments);
        EarlyStop.CountsAsStop(
            (EngineMembers.Remoting.Operations.Property?.GetValue(this) as IList)?[^1]);
        if (script.Names.Length == 0 && script.Input.Length == 0)
        {
            return;
        }

        Pipeline pipeline = LastPipeline();
        if (script.Names.Length > 0)
        {
            AddNamed(pipeline, script);
        }

        foreach (object? value in script.Input)
        {
            pipeline.Input.Write(value);
        }
    }

    private void Make(ScriptBlock block, object?[] arguments)
    {
        ScriptBlock = block;
        ArgumentList = arguments!;
        if (Script.Length > 1)
        {
            (EngineMembers.Remoting.Made.Field ?? throw Unsupported()).SetValue(this, null);
        }

        base.CreateHelpersForSpecifiedComputerNames();
    }

    // Where the code is one simple command, the engine has made commands of it and put the arguments that it
    // knows in. Then the values of $using: are to be had from code that is not so simple.
    private void AddNamed(Pipeline pipeline, ScriptToStart script)
    {
        string text = script.Block.ToString();
        Command made = pipeline.Commands[0];
        if (pipeline.Commands.Count > 1 || !made.IsScript)
        {
            made = MakeAsScript(text, script.Arguments);
        }

        Command command = new(text, isScript: true);
        foreach (CommandParameter parameter in made.Parameters)
        {
            command.Parameters.Add(parameter);
        }

        for (int i = 0; i < script.Names.Length; i++)
        {
            command.Parameters.Add(script.Names[i], script.Values[i]);
        }

        pipeline.Commands.Clear();
        pipeline.Commands.Add(command);
    }

    private Command MakeAsScript(string text, object?[] arguments)
    {
        (EngineMembers.Remoting.Made.Field ?? throw Unsupported()).SetValue(this, null);
        base.ScriptBlock = ScriptBlock.Create(text + Second);
        base.CreateHelpersForSpecifiedComputerNames();
        Pipeline pipeline = LastPipeline();
        IList operations = Operations();
        operations.RemoveAt(operations.Count - 1);
        Command made = pipeline.Commands[0];
        pipeline.Runspace.Dispose();  // it was never opened
        return made;
    }

    private Pipeline LastPipeline()
    {
        IList operations = Operations();
        return EngineMembers.Remoting.Pipeline.Property?.GetValue(operations[^1]) as Pipeline ?? throw Unsupported();
    }

    private IList Operations() =>
        EngineMembers.Remoting.Operations.Property?.GetValue(this) as IList ?? throw Unsupported();

    private static PSNotSupportedException Unsupported() => new(
        "This PowerShell has other internals than those that start_jobs needs, and arguments by name and input of a "
        + "start_job. Give one script its arguments by position.");
}
