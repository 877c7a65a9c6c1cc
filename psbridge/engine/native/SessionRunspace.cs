using System;
using System.ComponentModel;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace PSBridge;

/// <summary>The runspace of a session.</summary>
/// <remarks>In one call each, so that Python need not meet the types that only this uses.</remarks>
public static class SessionRunspace
{
    /// <summary>Open a runspace with PowerShell's core commands.</summary>
    /// <param name="host">Its host.</param>
    /// <param name="commands">An assembly whose cmdlets are there from the start; or null.</param>
    /// <param name="helpFile">Their help, the full path of a MAML file; or null.</param>
    /// <param name="jobProgram">What Start-Job is to start instead of pwsh, here and everywhere; or null.</param>
    /// <returns>The runspace.</returns>
    public static Runspace Open(SessionHost host, Assembly? commands, string? helpFile, string? jobProgram)
    {
        if (jobProgram is not null)
        {
            JobProgram.Replace(jobProgram);
        }

        ParallelJobs.SurviveStops();

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

        if (host.HasConsole)
        {
            SessionVariables.AddProfile(state);
        }

        Runspace runspace = RunspaceFactory.CreateRunspace(host, state);
        runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        runspace.Open();
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
