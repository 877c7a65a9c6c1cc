using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>Code for a machine that runs commands and no scripts.</summary>
public static class RemoteScript
{
    private static readonly Lazy<Runspace> s_nobodys = new(() =>
    {
        Runspace runspace = RunspaceFactory.CreateRunspace(InitialSessionState.Create());
        runspace.Open();
        return runspace;
    });

    /// <summary>Add code as the commands that it consists of, where it consists of nothing else.</summary>
    /// <remarks>
    /// Invoke-Command makes commands of a script block where it can, and so does this, by the same
    /// means. It is not for machines that run scripts: what was quoted, and what was called `$args`, is
    /// lost on the way.
    /// </remarks>
    /// <param name="pipeline">Where to add them.</param>
    /// <param name="script">The code.</param>
    /// <param name="arguments">Its arguments by position.</param>
    /// <param name="named">Its arguments by name.</param>
    /// <returns>Whether it has been added.</returns>
    public static bool AddCommands(
        PowerShell pipeline, string script, object?[] arguments, IDictionary<string, object?> named)
    {
        try
        {
            ScriptBlock block = ScriptBlock.Create(script);
            using PowerShell converted = Convert(block, InOrder(block, arguments, named));
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

    // Parameters and $args are resolved in a runspace: in one of nobody's, so that nothing of the user's
    // goes along, and no pipeline is in the way.
    private static PowerShell Convert(ScriptBlock block, object?[] arguments)
    {
        lock (s_nobodys)
        {
            Runspace? before = Runspace.DefaultRunspace;
            try
            {
                Runspace.DefaultRunspace = s_nobodys.Value;
                return block.GetPowerShell(isTrustedInput: true, arguments);
            }
            finally
            {
                Runspace.DefaultRunspace = before;
            }
        }
    }

    private static object?[] InOrder(ScriptBlock block, object?[] arguments, IDictionary<string, object?> named)
    {
        if (named.Count == 0)
        {
            return arguments;
        }

        IEnumerable<string> parameters =
            ((ScriptBlockAst)block.Ast).ParamBlock?.Parameters.Select(one => one.Name.VariablePath.UserPath) ?? [];
        List<object?> positional = [];
        Queue<object?> unnamed = new(arguments);
        int found = 0;
        foreach (string parameter in parameters)
        {
            string? name = named.Keys.FirstOrDefault(key => key.Equals(parameter, StringComparison.OrdinalIgnoreCase));
            found += name is null ? 0 : 1;
            if (name is null && unnamed.Count == 0)
            {
                break;
            }

            positional.Add(name is null ? unnamed.Dequeue() : named[name]);
        }

        // One with a default before it cannot be said by position.
        return found == named.Count
            ? [.. positional, .. unnamed]
            : throw new InvalidOperationException("an argument has no place");
    }
}
