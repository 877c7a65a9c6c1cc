using System;
using System.Collections.Generic;
using System.Management.Automation;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>The cmdlets that psbridge calls for itself.</summary>
/// <remarks>
/// By their classes: a session may define other commands of these names, or have none of them.
/// </remarks>
public static class EngineCommands
{
    private const string Utility = "Microsoft.PowerShell.Commands.Utility";

    private static readonly Dictionary<string, Func<Type?>> s_types = new()
    {
        ["ForEach-Object"] = () => typeof(ForEachObjectCommand),
        ["Get-Command"] = () => typeof(GetCommandCommand),
        ["Import-Module"] = () => typeof(ImportModuleCommand),
        ["Invoke-Command"] = () => typeof(InvokeCommandCommand),
        ["Invoke-Member"] = () => typeof(InvokeMemberCommand),
        ["Out-String"] = () => Find("Microsoft.PowerShell.Commands.OutStringCommand", Utility),
        ["Receive-Job"] = () => typeof(ReceiveJobCommand),
        ["Remove-Job"] = () => typeof(RemoveJobCommand),
        ["Remove-Module"] = () => typeof(RemoveModuleCommand),
        ["Remove-PSSession"] = () => typeof(RemovePSSessionCommand),
        ["Select-Object"] = () => Find("Microsoft.PowerShell.Commands.SelectObjectCommand", Utility),
        ["Show-Line"] = () => typeof(ShowLineCommand),
        ["Start-Scripts"] = () => typeof(StartScriptsCommand),
    };

    /// <summary>Add one of them to a pipeline.</summary>
    /// <param name="pipeline">Where it is to be called.</param>
    /// <param name="name">Its name.</param>
    public static void Add(PowerShell pipeline, string name)
    {
        Type type = s_types[name]() ?? throw new CommandNotFoundException($"This PowerShell has no {name}.");
        pipeline.AddCommand(new CmdletInfo(name, type));
    }

    private static Type? Find(string type, string assembly) =>
        Type.GetType($"{type}, {assembly}", throwOnError: false);
}
