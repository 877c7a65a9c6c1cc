using System;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;
using System.Reflection;
using Microsoft.PowerShell.Commands;

namespace PSBridge.Remote;

/// <summary>Invoke-Command with computer names, but for who connects.</summary>
/// <remarks>
/// What makes the jobs, their children, the throttle and the streams is PowerShell's own. Only the
/// helpers that the engine makes for each computer name are made here, for our connections. Their
/// class is not public; where an engine lacks it, the cmdlet says so.
/// </remarks>
public abstract class RemoteCommand : InvokeCommandCommand
{
    /// <summary>The connections, one for each child.</summary>
    /// <returns>New ones, each for one session.</returns>
    private protected abstract IEnumerable<RemoteConnectionInfo> Connections();

    /// <inheritdoc/>
    protected override void CreateHelpersForSpecifiedComputerNames()
    {
        if (EngineMembers.Remoting.CreatePipeline.Method is not { } createPipeline
            || EngineMembers.Remoting.NewHelper.Constructor is not { } newHelper
            || EngineMembers.Remoting.Operations.Property?.GetValue(this) is not IList operations)
        {
            ThrowTerminatingError(new ErrorRecord(
                new PSNotSupportedException(
                    "This PowerShell has other internals than those that remote jobs need. "
                    + "Use New-WinRMSession and Invoke-Command -Session."),
                "RemoteCommandNotSupported",
                ErrorCategory.NotImplemented,
                null));
            return;
        }

        foreach (RemoteConnectionInfo info in Connections())
        {
            Runspace runspace = RemoteRunspaces.Create(info, Host, SessionOption.ApplicationArguments, null);
            object? pipeline;
            try
            {
                pipeline = createPipeline.Invoke(this, [runspace]);
            }
            catch (TargetInvocationException error) when (error.InnerException is { } inner)
            {
                runspace.Dispose();
                throw inner;
            }

            object helper = newHelper.Invoke([runspace, pipeline, false]);
            EarlyStop.CountsAsStop(helper);
            operations.Add(helper);
        }
    }

    // ---- Parameters of Invoke-Command that are none here: a property without the attribute is no
    // parameter. They are for other ways to connect, or for sessions that outlive their client,
    // which a transport of our own cannot offer.

    /// <summary>Not here.</summary>
    public override PSSession[] Session { get => base.Session; set => base.Session = value; }

    /// <summary>Not here.</summary>
    public override Uri[] ConnectionUri { get => base.ConnectionUri; set => base.ConnectionUri = value; }

    /// <summary>Not here.</summary>
    public override SwitchParameter AllowRedirection { get => base.AllowRedirection; set => base.AllowRedirection = value; }

    /// <summary>Not here.</summary>
    public override SwitchParameter EnableNetworkAccess { get => base.EnableNetworkAccess; set => base.EnableNetworkAccess = value; }

    /// <summary>Not here: certificates are files.</summary>
    public override string CertificateThumbprint { get => base.CertificateThumbprint; set => base.CertificateThumbprint = value; }

    /// <summary>Not here.</summary>
    public override Guid[] VMId { get => base.VMId; set => base.VMId = value; }

    /// <summary>Not here.</summary>
    public override string[] VMName { get => base.VMName; set => base.VMName = value; }

    /// <summary>Not here.</summary>
    public override string[] ContainerId { get => base.ContainerId; set => base.ContainerId = value; }

    /// <summary>Not here.</summary>
    public override SwitchParameter RunAsAdministrator { get => base.RunAsAdministrator; set => base.RunAsAdministrator = value; }

    /// <summary>Not here.</summary>
    public override string[] HostName { get => base.HostName; set => base.HostName = value; }

    /// <summary>Not here.</summary>
    public override string UserName { get => base.UserName; set => base.UserName = value; }

    /// <summary>Not here.</summary>
    public override string KeyFilePath { get => base.KeyFilePath; set => base.KeyFilePath = value; }

    /// <summary>Not here.</summary>
    public override string Subsystem { get => base.Subsystem; set => base.Subsystem = value; }

    /// <summary>Not here.</summary>
    public override int ConnectingTimeout { get => base.ConnectingTimeout; set => base.ConnectingTimeout = value; }

    /// <summary>Not here.</summary>
    public override SwitchParameter SSHTransport { get => base.SSHTransport; set => base.SSHTransport = value; }

    /// <summary>Not here.</summary>
    public override Hashtable[] SSHConnection { get => base.SSHConnection; set => base.SSHConnection = value; }

    /// <summary>Not here.</summary>
    public override Hashtable Options { get => base.Options; set => base.Options = value; }

    /// <summary>Not here: the debugger of the engine's own sessions.</summary>
    public override SwitchParameter RemoteDebug { get => base.RemoteDebug; set => base.RemoteDebug = value; }

    /// <summary>Not here.</summary>
    public new SwitchParameter InDisconnectedSession { get => base.InDisconnectedSession; set => base.InDisconnectedSession = value; }

    /// <summary>Not here.</summary>
    public new string[] SessionName { get => base.SessionName; set => base.SessionName = value; }

    /// <summary>Not here.</summary>
    public new SwitchParameter NoNewScope { get => base.NoNewScope; set => base.NoNewScope = value; }
}
