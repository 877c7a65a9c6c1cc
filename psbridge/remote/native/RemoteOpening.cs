using System;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>The opening of a session on another machine, for a caller that waits in slices.</summary>
public sealed class RemoteOpening
{
    private readonly ManualResetEventSlim _done = new();

    /// <summary>Begin to open a session.</summary>
    /// <param name="info">The way to the machine.</param>
    /// <param name="host">Where the far side shows things and asks; null for nowhere.</param>
    public RemoteOpening(RemoteConnectionInfo info, PSHost? host)
    {
        Runspace = RemoteRunspaces.Create(info, host, null, null);
        Runspace.StateChanged += (_, change) =>
        {
            if (change.RunspaceStateInfo.State is RunspaceState.Opened or RunspaceState.Broken or RunspaceState.Closed)
            {
                _done.Set();
            }
        };
        Runspace.OpenAsync();
    }

    /// <summary>The runspace.</summary>
    public Runspace Runspace { get; }

    /// <summary>Whether it is open.</summary>
    public bool IsOpen => Runspace.RunspaceStateInfo.State == RunspaceState.Opened;

    /// <summary>Why it is not open; null where it is, or where it was closed.</summary>
    public Exception? Failure => IsOpen ? null : Runspace.RunspaceStateInfo.Reason;

    /// <summary>Wait until it is open, or is known not to be.</summary>
    /// <param name="milliseconds">How long at most.</param>
    /// <returns>Whether that is known.</returns>
    public bool Wait(int milliseconds) => _done.Wait(milliseconds);
}
