using System;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>New-WinRMSession: opens sessions on other machines over WinRM, from any system.</summary>
[Cmdlet(VerbsCommon.New, "WinRMSession")]
[OutputType(typeof(PSSession))]
public sealed class NewWinRMSessionCommand : OpenSessionsCommand
{
    /// <summary>The machines: names, addresses or URLs.</summary>
    [Parameter(Position = 0, Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [Alias("Cn")]
    public string[] ComputerName { get; set; } = [];

    /// <summary>The account and its password.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>How to authenticate.</summary>
    [Parameter]
    [WinRMAuthentication]
    public AuthenticationMechanism Authentication { get; set; } = AuthenticationMechanism.Default;

    /// <summary>The port; without it 5985, or 5986 with TLS.</summary>
    [Parameter]
    [ValidateRange(1, ushort.MaxValue)]
    public int Port { get; set; }

    /// <summary>Whether to use TLS.</summary>
    [Parameter]
    public SwitchParameter UseSSL { get; set; }

    /// <summary>The path at the machine; without it wsman.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string ApplicationName { get; set; } = "";

    /// <summary>The endpoint; without it Microsoft.PowerShell.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string ConfigurationName { get; set; } = "";

    /// <summary>Names for the sessions, in the order of the machines.</summary>
    [Parameter]
    public string[] Name { get; set; } = [];

    private int _machines;

    /// <summary>The other settings; see New-PSSessionOption.</summary>
    [Parameter]
    public PSSessionOption SessionOption { get; set; } = new();

    /// <summary>Begin with the machines of this record.</summary>
    protected override void ProcessRecord()
    {
        foreach (string computer in ComputerName)
        {
            // Also that of a machine to which there is no way.
            string? name = _machines < Name.Length ? Name[_machines] : null;
            _machines++;
            RemoteConnectionInfo info;
            try
            {
                info = WinRMConnections.Connect(new WinRMRequest
                {
                    Command = this,
                    ComputerName = computer,
                    UserName = Credential?.UserName,
                    Password = Credential?.GetNetworkCredential().Password,
                    Authentication = WinRMAuthenticationAttribute.NameOf(Authentication),
                    UseSSL = UseSSL,
                    Port = Port,
                    ApplicationName = ApplicationName,
                    ConfigurationName = ConfigurationName,
                    SessionOption = SessionOption,
                });
            }
            catch (Exception error)
            {
                WriteError(WinRMConnections.Record(error, computer));
                continue;
            }

            Open(info, computer, SessionOption.ApplicationArguments, name);
        }
    }
}
