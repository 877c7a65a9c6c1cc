using System.ComponentModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>What Python opens a session with, on a connection of any kind.</summary>
/// <remarks>No session lists it: Python calls it by its class.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
[Cmdlet(VerbsCommunications.Connect, "Target")]
[OutputType(typeof(PSSession))]
public sealed class ConnectTargetCommand : OpenSessionsCommand
{
    /// <summary>The connection.</summary>
    [Parameter(Mandatory = true)]
    public RemoteConnectionInfo Connection { get; set; } = null!;

    /// <summary>Open the session.</summary>
    protected override void ProcessRecord() => Open(Connection, Connection.ComputerName, null, null);
}
