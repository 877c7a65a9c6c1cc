using System.ComponentModel;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>What makes a PSSession of a runspace that Python has opened.</summary>
/// <remarks>No session lists it: Python calls it by its class.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
[Cmdlet(VerbsLifecycle.Register, "Session")]
[OutputType(typeof(PSSession))]
public sealed class RegisterSessionCommand : PSCmdlet
{
    /// <summary>The runspace, which is open.</summary>
    [Parameter(Mandatory = true)]
    public Runspace Runspace { get; set; } = null!;

    /// <summary>Make the session, and let Get-PSSession list it.</summary>
    protected override void ProcessRecord() => WriteObject(
        PSSession.Create(Runspace, ((RemoteConnectionInfo)Runspace.ConnectionInfo).TransportName, this));
}
