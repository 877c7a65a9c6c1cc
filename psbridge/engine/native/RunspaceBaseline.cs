using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>What a runspace has when it is new, for one that is used by one after another.</summary>
/// <remarks>
/// PowerShell resets variables, its place, events and the debugger by itself, as it does for pools of
/// its own; functions, aliases, modules, drives, the stack of places and the strict mode it leaves. Modules
/// of PowerShell's own stay: they are loaded by the names of their commands, and change nothing. What
/// Update-TypeData and Update-FormatData have added stays, too: nothing tells of it.
/// </remarks>
public sealed class RunspaceBaseline
{
    private const CommandTypes Kinds = CommandTypes.Function | CommandTypes.Filter | CommandTypes.Alias;

    private readonly Runspace _runspace;
    private readonly Dictionary<string, string> _commands;
    private readonly HashSet<string> _modules;
    private readonly HashSet<string> _drives;
    private readonly PSLanguageMode _mode;
    private readonly string? _place;

    private RunspaceBaseline(Runspace runspace)
    {
        _runspace = runspace;
        _modules = [.. Modules().Select(module => module.Path)];
        _commands = Commands().ToDictionary(command => Key(command), command => command.Definition);
        _drives = [.. runspace.SessionStateProxy.Drive.GetAll().Select(drive => drive.Name)];
        _mode = runspace.SessionStateProxy.LanguageMode;
        _place = Place();
    }

    /// <summary>Look at a runspace in which nothing runs.</summary>
    /// <param name="runspace">The runspace.</param>
    /// <returns>What it has.</returns>
    public static RunspaceBaseline Take(Runspace runspace) => new(runspace);

    /// <summary>Take away what has come since, and put back what has changed.</summary>
    /// <returns>Whether it is as it was; otherwise it is of no further use.</returns>
    public bool Restore()
    {
        if (_runspace.RunspaceStateInfo.State != RunspaceState.Opened || _runspace.SessionStateProxy.LanguageMode != _mode)
        {
            return false;
        }

        foreach (PSModuleInfo module in Modules().Where(module => !_modules.Contains(module.Path) && !IsPowerShells(module)))
        {
            using PowerShell pipeline = PowerShell.Create(_runspace);
            EngineCommands.Add(pipeline, "Remove-Module");
            pipeline.AddParameter("ModuleInfo", module).AddParameter("Force", true).Invoke();
        }

        var missing = new HashSet<string>(_commands.Keys);
        foreach (CommandInfo command in Commands().ToList())
        {
            string key = Key(command);
            if (!_commands.TryGetValue(key, out string? definition))
            {
                if (command.Module is not { } module || !IsPowerShells(module))
                {
                    _runspace.SessionStateProxy.InvokeProvider.Item.Remove(key, recurse: false);
                }
            }
            else if (definition == command.Definition)
            {
                missing.Remove(key);
            }
        }

        foreach (PSDriveInfo drive in _runspace.SessionStateProxy.Drive.GetAll().ToList())
        {
            if (!_drives.Contains(drive.Name))
            {
                _runspace.SessionStateProxy.Drive.Remove(drive.Name, force: true, scope: "global");
            }
        }

        PathIntrinsics places = _runspace.SessionStateProxy.Path;
        for (int left = places.LocationStack("").Count; left > 0; left--)
        {
            places.PopLocation("");
        }

        using (PowerShell pipeline = PowerShell.Create(_runspace))
        {
            EngineCommands.Add(pipeline, "Set-StrictMode");
            pipeline.AddParameter("Off", true).Invoke();
        }

        _runspace.ResetRunspaceState();
        if (_place is not null)
        {
            _runspace.SessionStateProxy.Path.SetLocation(_place);
        }

        // A constant function or alias cannot be taken back, and one of a module's cannot be made again.
        return missing.Count == 0;
    }

    private IEnumerable<CommandInfo> Commands() =>
        _runspace.SessionStateProxy.InvokeCommand.GetCommands("*", Kinds, nameIsPattern: true)
            .Where(command => !command.Name.Contains('\\'));

    private List<PSModuleInfo> Modules()
    {
        using PowerShell pipeline = PowerShell.Create(_runspace);
        EngineCommands.Add(pipeline, "Get-Module");
        return [.. pipeline.Invoke<PSModuleInfo>()];
    }

    private string? Place()
    {
        try
        {
            return _runspace.SessionStateProxy.Path.CurrentLocation.ProviderPath;
        }
        catch (Exception error) when (error is RuntimeException or InvalidOperationException)
        {
            return null; // it has no drives
        }
    }

    private static string Key(CommandInfo command) =>
        $"{(command is AliasInfo ? "Alias" : "Function")}:{WildcardPattern.Escape(command.Name)}";

    private static bool IsPowerShells(PSModuleInfo module) =>
        module.Path.StartsWith(System.IO.Path.GetDirectoryName(typeof(PSObject).Assembly.Location)!, StringComparison.Ordinal);
}
