using System;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Management.Automation.Remoting;
using System.Management.Automation.Remoting.Client;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>A way to another machine, for one session: what PowerShell's own remoting connects with.</summary>
/// <remarks>
/// It holds no password: the carrier that it opens belongs to Python, and so do the settings.
/// </remarks>
public sealed class RemoteConnectionInfo : RunspaceConnectionInfo
{
    private readonly Action<RemoteTransport> _open;

    /// <summary>Describe a way to a machine.</summary>
    /// <param name="location">What Get-Job and Get-PSSession call the machine.</param>
    /// <param name="transportName">The name of the carrier, such as WinRM.</param>
    /// <param name="open">Python's: starts the carrier of a transport and comes back at once.</param>
    /// <param name="openMilliseconds">How long a session may take to be open.</param>
    /// <param name="deadlineMilliseconds">How long the session may last; 0 for ever.</param>
    public RemoteConnectionInfo(
        string location,
        string transportName,
        Action<RemoteTransport> open,
        int openMilliseconds,
        int deadlineMilliseconds)
    {
        ComputerName = location;
        TransportName = transportName;
        _open = open;
        OpenMilliseconds = openMilliseconds;
        DeadlineMilliseconds = deadlineMilliseconds;
        // The engine gives up by itself; ours comes first and says why.
        OpenTimeout = openMilliseconds > int.MaxValue - 30_000 ? int.MaxValue : openMilliseconds + 30_000;
    }

    /// <summary>What the machine is called.</summary>
    public override string ComputerName { get; set; }

    /// <summary>The carrier's name, which Get-PSSession shows.</summary>
    public string TransportName { get; }

    /// <summary>How long a session may take to be open, in milliseconds.</summary>
    public int OpenMilliseconds { get; }

    /// <summary>How long the session may last, in milliseconds; 0 for ever.</summary>
    public int DeadlineMilliseconds { get; }

    /// <summary>The code that a script far away gave to `exit`; null where none has.</summary>
    public int? ExitCode { get; internal set; }

    /// <summary>What `exit` far away does; null before there is a runspace.</summary>
    internal RemoteExit? Exit { get; set; }

    /// <summary>How the carrier has authenticated, such as kerberos; empty before it has.</summary>
    public string AuthenticatedWith { get; set; } = "";

    /// <summary>None here: the carrier has its own.</summary>
    public override PSCredential? Credential { get; set; }

    /// <summary>Not the engine's: the carrier's own settings decide.</summary>
    public override AuthenticationMechanism AuthenticationMechanism
    {
        get => AuthenticationMechanism.Default;
        set => throw new NotSupportedException("the carrier decides how it authenticates");
    }

    /// <summary>None: there is no certificate store of Windows' here.</summary>
    public override string CertificateThumbprint
    {
        get => "";
        set => throw new NotSupportedException("a certificate is a file here");
    }

    /// <summary>Itself: it belongs to one session, and nobody changes it.</summary>
    /// <returns>This.</returns>
    public override RunspaceConnectionInfo Clone() => this;

    /// <summary>Make the transport of a session.</summary>
    /// <param name="instanceId">The session's id.</param>
    /// <param name="sessionName">Its name.</param>
    /// <param name="cryptoHelper">The engine's, for SecureStrings.</param>
    /// <returns>The transport.</returns>
    public override BaseClientSessionTransportManager CreateClientSessionTransportManager(
        Guid instanceId, string sessionName, PSRemotingCryptoHelper cryptoHelper) =>
        new RemoteTransport(instanceId, cryptoHelper, this, _open);
}
