using System;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>The host of a remote session: the caller's, but for what `exit` does.</summary>
/// <remarks>
/// The engine closes a session in which `exit 5` ran and loses the 5, except where the host says
/// that it takes the code. So this one takes it, keeps it, and closes the session as the engine does.
/// </remarks>
internal sealed class RemoteHost(PSHost host, RemoteConnectionInfo info) : PSHost, IHostSupportsInteractiveSession
{
    private readonly PSObject _privateData = TakesExit();

    public Runspace? Remote { get; set; }

    public override CultureInfo CurrentCulture => host.CurrentCulture;

    public override CultureInfo CurrentUICulture => host.CurrentUICulture;

    public override Guid InstanceId { get; } = Guid.NewGuid();

    public override string Name => host.Name;

    public override PSObject PrivateData => _privateData;

    public override PSHostUserInterface UI => host.UI;

    public override Version Version => host.Version;

    public bool IsRunspacePushed
    {
        get
        {
            try
            {
                return (host as IHostSupportsInteractiveSession)?.IsRunspacePushed ?? false;
            }
            catch (PSNotImplementedException)
            {
                return false; // the engine's own host has the interface, and asks one that has it not
            }
        }
    }

    Runspace IHostSupportsInteractiveSession.Runspace => ((IHostSupportsInteractiveSession)host).Runspace!;

    public override void EnterNestedPrompt() => host.EnterNestedPrompt();

    public override void ExitNestedPrompt() => host.ExitNestedPrompt();

    public override void NotifyBeginApplication() => host.NotifyBeginApplication();

    public override void NotifyEndApplication() => host.NotifyEndApplication();

    public void PopRunspace() => (host as IHostSupportsInteractiveSession)?.PopRunspace();

    public void PushRunspace(Runspace runspace) => (host as IHostSupportsInteractiveSession)?.PushRunspace(runspace);

    public override void SetShouldExit(int exitCode)
    {
        info.ExitCode = exitCode;
        // Not on this thread, which the close would wait for.
        ThreadPool.QueueUserWorkItem(_ => Remote?.CloseAsync());
    }

    private static PSObject TakesExit()
    {
        PSObject data = new();
        data.Properties.Add(new PSNoteProperty("AllowSetShouldExitFromRemote", true));
        return data;
    }
}
