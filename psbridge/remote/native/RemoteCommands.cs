using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>The cmdlets that a session has from the start.</summary>
public static class RemoteCommands
{
    /// <summary>The cmdlets, for an InitialSessionState.</summary>
    /// <returns>An entry for each.</returns>
    public static SessionStateCommandEntry[] Entries() =>
    [
        new SessionStateCmdletEntry("Invoke-WinRMCommand", typeof(InvokeWinRMCommandCommand), null),
        new SessionStateCmdletEntry("New-WinRMSession", typeof(NewWinRMSessionCommand), null),
    ];
}
