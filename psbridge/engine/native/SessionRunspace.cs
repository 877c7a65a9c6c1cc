using System;
using System.ComponentModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Reflection;
using Microsoft.PowerShell;

namespace PSBridge;

/// <summary>The runspace of a session.</summary>
/// <remarks>In one call each, so that Python need not meet the types that only this uses.</remarks>
public static class SessionRunspace
{
    /// <summary>What a runspace begins with: PowerShell's core commands, and ours.</summary>
    /// <param name="commands">An assembly whose cmdlets are there from the start; or null.</param>
    /// <param name="helpFile">Their help, the full path of a MAML file; or null.</param>
    /// <returns>An <see cref="InitialSessionState"/>.</returns>
    public static InitialSessionState NewState(Assembly? commands, string? helpFile)
    {
        // CreateDefault would load all of PowerShell's assemblies; what this one leaves out is
        // loaded by its commands' names when they are first used.
        InitialSessionState state = InitialSessionState.CreateDefault2();
        foreach (Type cmdlet in commands?.GetExportedTypes() ?? [])
        {
            // Those that are not to be browsed are called by their class.
            if (cmdlet.GetCustomAttribute<CmdletAttribute>(inherit: false) is { } names
                && cmdlet.GetCustomAttribute<EditorBrowsableAttribute>(inherit: false) is null)
            {
                string name = $"{names.VerbName}-{names.NounName}";
                state.Commands.Add(new SessionStateCmdletEntry(name, cmdlet, helpFile));
            }
        }

        return state;
    }

    /// <summary>Let a runspace begin with a variable.</summary>
    /// <param name="state">What it begins with.</param>
    /// <param name="name">The variable's name.</param>
    /// <param name="value">Its value.</param>
    public static void AddVariable(InitialSessionState state, string name, object? value) =>
        state.Variables.Add(new SessionStateVariableEntry(name, value, ""));

    /// <summary>Let a runspace begin with an execution policy of its own; only Windows has any.</summary>
    /// <param name="state">What it begins with.</param>
    /// <param name="policy">The policy's name.</param>
    public static void SetExecutionPolicy(InitialSessionState state, string policy)
    {
        if (OperatingSystem.IsWindows())
        {
            state.ExecutionPolicy = Enum.Parse<ExecutionPolicy>(policy);
        }
    }

    /// <summary>Let a runspace in which nothing runs allow that much of the language from now on.</summary>
    /// <param name="runspace">The runspace.</param>
    /// <param name="mode">The mode's name.</param>
    public static void SetLanguageMode(Runspace runspace, string mode) =>
        runspace.SessionStateProxy.LanguageMode = Enum.Parse<PSLanguageMode>(mode);

    /// <summary>Open a runspace.</summary>
    /// <param name="host">Its host.</param>
    /// <param name="state">What it begins with.</param>
    /// <param name="jobProgram">What Start-Job is to start instead of pwsh, here and everywhere; or null.</param>
    /// <param name="isLimited">Whether it has some commands only.</param>
    /// <returns>The runspace.</returns>
    public static Runspace Open(SessionHost host, InitialSessionState state, string? jobProgram, bool isLimited)
    {
        if (jobProgram is not null)
        {
            JobProgram.Replace(jobProgram);
        }

        ParallelJobs.SurviveStops();
        if (host.HasConsole)
        {
            SessionVariables.AddProfile(state);
        }

        Runspace runspace = RunspaceFactory.CreateRunspace(host, state);
        runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        runspace.Open();
        ScriptMembers.Serve(runspace, isLimited);
        return runspace;
    }

    /// <summary>The job repository of a runspace, which only a cmdlet that runs in it is given.</summary>
    /// <param name="runspace">A runspace in which nothing runs, or whose pipeline calls this.</param>
    /// <returns>What Get-Job lists.</returns>
    public static JobRepository GetJobRepository(Runspace runspace)
    {
        using PowerShell pipeline = Runspace.DefaultRunspace == runspace
            ? PowerShell.Create(RunspaceMode.CurrentRunspace)
            : PowerShell.Create(runspace);
        pipeline.AddCommand(
            new CmdletInfo("Get-PSBridgeJobRepository", typeof(GetJobRepositoryCommand)));
        return pipeline.Invoke<JobRepository>()[0];
    }
}
