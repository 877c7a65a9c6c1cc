using System;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>What `exit` in a script far away does: it ends the session, and its code is kept.</summary>
/// <remarks>
/// The far side asks the host here to exit. The engine closes the session instead where a cmdlet or a
/// job has run the script, and loses the code; else it does let the host exit. So the request is taken
/// out of what comes: the code is noted, the script ends in peace, and then the session is closed.
/// Rejected: a host of our own that takes the code. Only behind its own class of host the engine sees
/// whether there is anybody to be asked, and a script that asks nobody would wait for ever.
/// </remarks>
internal sealed class RemoteExit(RemoteConnectionInfo info, Runspace runspace, PSHost? host)
{
    private Guid _script;
    private int _begun;

    /// <summary>Look at a packet from the far side before the engine gets it.</summary>
    /// <returns>Whether it is such a request, which the engine does not get.</returns>
    public bool Takes(string packet)
    {
        if (Packet.ExitCode(packet) is not { } code || IsEntered())
        {
            return false;
        }

        info.ExitCode = code;
        _script = Packet.IdOf(packet);
        if (_script == Guid.Empty)
        {
            Close();
        }

        return true;
    }

    /// <summary>Look at a packet from the far side when the engine has got it.</summary>
    public void After(string packet)
    {
        // Not at the script's last message: the engine handles messages on other threads, and closes
        // a script only when it has handled all of them.
        if (_script != Guid.Empty && Packet.IsCloseAck(packet) && Packet.IdOf(packet) == _script)
        {
            // And it handles this one on another thread, too: only then has the script ended.
            runspace.AvailabilityChanged += (_, change) => CloseIfFree(change.RunspaceAvailability);
            CloseIfFree(runspace.RunspaceAvailability);
        }
    }

    private void CloseIfFree(RunspaceAvailability availability)
    {
        if (availability == RunspaceAvailability.Available)
        {
            Close();
        }
    }

    private void Close()
    {
        if (Interlocked.Exchange(ref _begun, 1) == 0)
        {
            // Not on this thread, which the close would wait for.
            ThreadPool.QueueUserWorkItem(_ => runspace.CloseAsync());
        }
    }

    // At a prompt in the session (Enter-PSSession), `exit` leaves it; that is the host's.
    private bool IsEntered()
    {
        try
        {
            return host is IHostSupportsInteractiveSession { IsRunspacePushed: true } interactive
                && interactive.Runspace == runspace;
        }
        catch (NotImplementedException)
        {
            return false;
        }
    }
}
