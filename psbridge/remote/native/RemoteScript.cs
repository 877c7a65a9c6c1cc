using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>Code for another machine, as Invoke-Command sends it.</summary>
public static class RemoteScript
{
    /// <summary>Add code as the commands that it consists of, where it is a pipeline of nothing else.</summary>
    /// <remarks>
    /// An endpoint without a language, such as one of Just Enough Administration, runs commands and no
    /// scripts. Invoke-Command makes commands of a script block where it can, and so does this. Code
    /// with variables, expressions or more than one statement is a script.
    /// </remarks>
    /// <param name="pipeline">Where to add them.</param>
    /// <param name="script">The code.</param>
    /// <returns>Whether it has been added.</returns>
    public static bool AddCommands(PowerShell pipeline, string script)
    {
        try
        {
            using PowerShell converted = ScriptBlock.Create(script)
                .GetPowerShell(new Dictionary<string, object>(), out _, []);
            foreach (Command command in converted.Commands.Commands)
            {
                pipeline.Commands.AddCommand(command);
            }

            return true;
        }
        catch (Exception error) when (error is ScriptBlockToPowerShellNotSupportedException
            or InvalidOperationException or RuntimeException)
        {
            pipeline.Commands.Clear();
            return false; // the far side says what is wrong with it, if anything is
        }
    }
}
