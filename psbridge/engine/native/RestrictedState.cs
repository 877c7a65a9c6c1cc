using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>What a runspace begins with that has some commands only.</summary>
/// <remarks>
/// The others are not there. Rejected: to make them private, as PowerShell's endpoints do: a script
/// block or a function of the caller's is let to call private commands, and only a session without
/// any language keeps people from writing one.
/// </remarks>
public sealed class RestrictedState
{
    // A line of the view that PowerShell calls concise.
    private const string ErrorText = """
        $info, $category = $_.InvocationInfo, $_.CategoryInfo
        $said = if ($info.MyCommand.Name) { $info.MyCommand.Name } elseif ($category.Activity) { $category.Activity }
            elseif ($info.InvocationName) { $info.InvocationName } elseif ($category.Category) { $category.Category }
            elseif ($category.Reason) { $category.Reason } else { 'Error' }
        $message = if ($_.ErrorDetails.Message) { $_.ErrorDetails.Message } else { $_.Exception.Message }
        "${said}: $message"
        """;

    private readonly Dictionary<string, List<string>> _functions = [];

    private RestrictedState(InitialSessionState state) => State = state;

    /// <summary>What the runspace begins with.</summary>
    public InitialSessionState State { get; }

    /// <summary>Take away what is not listed.</summary>
    /// <param name="state">A state with all of PowerShell's commands, which is changed.</param>
    /// <param name="names">The names of the commands that are to be there.</param>
    /// <param name="modules">Modules to look for them in, beside those that PowerShell finds itself.</param>
    /// <returns>What is left.</returns>
    /// <exception cref="CommandNotFoundException">There is no command of such a name.</exception>
    public static RestrictedState Restrict(InitialSessionState state, string[] names, string[] modules)
    {
        var restricted = new RestrictedState(state);
        InitialSessionState whole = state.Clone();
        if (modules.Length > 0)
        {
            whole.ImportPSModule(modules);
            whole.ThrowOnRunspaceOpenError = true;
        }

        using Runspace runspace = RunspaceFactory.CreateRunspace(whole);
        runspace.Open();
        var found = new Dictionary<string, CommandInfo>(StringComparer.OrdinalIgnoreCase);
        foreach (string name in names)
        {
            restricted.Look(runspace, name, found);
        }

        state.Commands.Clear();
        state.Commands.Add(new SessionStateCmdletEntry("Out-Default", typeof(OutDefaultCommand), null));
        foreach (CommandInfo command in found.Values)
        {
            restricted.Add(command);
        }

        bool takesPaths = found.Values.Any(TakesPaths);
        foreach (string name in state.Providers.Select(provider => provider.Name).ToList())
        {
            // They can be reached in expressions, such as ${/:file}, without any command.
            bool isOwn = name is "Variable" or "Function" or "Alias";
            if (!isOwn && !(takesPaths && name == "FileSystem"))
            {
                state.Providers.Remove(name, null);
            }
        }

        ShowErrorsWithoutCommands(state);
        state.Variables.Remove("PSModuleAutoLoadingPreference", null);
        state.Variables.Add(new SessionStateVariableEntry(
            "PSModuleAutoLoadingPreference", PSModuleAutoLoadingPreference.None, "", ScopedItemOptions.Constant));
        return restricted;
    }

    /// <summary>Give an open runspace the functions of modules that are to be there, and let no more come.</summary>
    /// <param name="runspace">One that began with this.</param>
    /// <exception cref="NotSupportedException">This engine does not let one.</exception>
    public void Complete(Runspace runspace)
    {
        // A data block makes the engine import this module, unless that is being imported already.
        if (EngineMembers.Runspaces.Context.Property?.GetValue(runspace) is not { } context
            || EngineMembers.Runspaces.LoadingModules.Property?.GetValue(context) is not HashSet<string> loading)
        {
            throw new NotSupportedException("With this PowerShell no session can have some commands only.");
        }

        loading.Add("Microsoft.PowerShell.Utility");
        foreach ((string module, List<string> functions) in _functions)
        {
            using PowerShell pipeline = PowerShell.Create(runspace);
            EngineCommands.Add(pipeline, "Import-Module");
            pipeline.AddParameter("Name", module)
                .AddParameter("Function", functions.ToArray())
                .AddParameter("Cmdlet", Array.Empty<string>())
                .AddParameter("Alias", Array.Empty<string>())
                .AddParameter("ErrorAction", ActionPreference.Stop);
            pipeline.Invoke();
        }
    }

    private void Look(Runspace runspace, string name, Dictionary<string, CommandInfo> found)
    {
        using PowerShell pipeline = PowerShell.Create(runspace);
        EngineCommands.Add(pipeline, "Get-Command");
        pipeline.AddParameter("Name", name).AddParameter("ErrorAction", ActionPreference.SilentlyContinue);
        Collection<CommandInfo> commands = pipeline.Invoke<CommandInfo>();
        if (commands.Count == 0)
        {
            throw new CommandNotFoundException($"There is no command '{name}' that could be visible.");
        }

        if (commands.Any(command => command.Name == "ForEach-Object"))
        {
            // Its -Parallel runs code in runspaces with all of PowerShell.
            throw new CommandNotFoundException(
                "ForEach-Object cannot be visible: with -Parallel it runs code that has all commands. "
                + "The statement foreach and the method ForEach() are there without it.");
        }

        bool isPattern = WildcardPattern.ContainsWildcardCharacters(name);
        foreach (CommandInfo command in commands)
        {
            if (isPattern)
            {
                Look(runspace, command.Name, found); // by its name its module is loaded
            }
            else if (found.TryAdd(command.Name, command) && command is AliasInfo alias)
            {
                Look(runspace, alias.Definition, found);
            }
        }
    }

    private void Add(CommandInfo command)
    {
        switch (command)
        {
            case CmdletInfo cmdlet:
                State.Commands.Add(new SessionStateCmdletEntry(cmdlet.Name, cmdlet.ImplementingType, cmdlet.HelpFile));
                break;
            case AliasInfo alias:
                State.Commands.Add(new SessionStateAliasEntry(alias.Name, alias.Definition));
                break;
            case ApplicationInfo application:
                State.Commands.Add(new SessionStateApplicationEntry(application.Path));
                break;
            case ExternalScriptInfo script:
                State.Commands.Add(new SessionStateScriptEntry(script.Path));
                break;
            case FunctionInfo { Module: { } module }:
                if (!_functions.TryGetValue(module.Path, out List<string>? names))
                {
                    _functions[module.Path] = names = [];
                }

                names.Add(command.Name);
                break;
            case FunctionInfo function:
                State.Commands.Add(new SessionStateFunctionEntry(function.Name, function.Definition));
                break;
        }
    }

    // PowerShell's own view of an error calls commands, and shows an empty line where they are not there.
    private static void ShowErrorsWithoutCommands(InitialSessionState state)
    {
        CustomControl control = CustomControl.Create(outOfBand: true)
            .StartEntry().AddScriptBlockExpressionBinding(ErrorText).EndEntry().EndControl();
        var view = new ExtendedTypeDefinition(
            "System.Management.Automation.ErrorRecord", [new FormatViewDefinition("ErrorInstance", control)]);
        SessionStateFormatEntry[] others = [.. state.Formats];
        state.Formats.Clear();
        state.Formats.Add(new SessionStateFormatEntry(view));  // the first one counts
        state.Formats.Add(others);
    }

    // A program is started in the file system's location, which there has to be.
    private static bool TakesPaths(CommandInfo command) =>
        command is ApplicationInfo
        || (command is CmdletInfo or FunctionInfo
            && command.Parameters is { } parameters
            && (parameters.ContainsKey("Path") || parameters.ContainsKey("LiteralPath") || parameters.ContainsKey("FilePath")));
}
