using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>Invoke-WinRMCommand: Invoke-Command with computer names, over WinRM from any system.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "WinRMCommand", DefaultParameterSetName = ComputerNameParameterSet)]
[OutputType(typeof(object), typeof(Job))]
public sealed class InvokeWinRMCommandCommand : RemoteCommand
{
    /// <summary>The machines: names, addresses or URLs.</summary>
    [Parameter(Position = 0, Mandatory = true)]
    [Alias("Cn")]
    [ValidateNotNullOrEmpty]
    public override string[] ComputerName { get => base.ComputerName; set => base.ComputerName = value; }

    /// <summary>The code.</summary>
    [Parameter(Position = 1, Mandatory = true, ParameterSetName = ComputerNameParameterSet)]
    [ValidateNotNull]
    [Alias("Command")]
    public override ScriptBlock ScriptBlock { get => base.ScriptBlock; set => base.ScriptBlock = value; }

    /// <summary>A script file of this machine, whose text is run.</summary>
    [Parameter(Position = 1, Mandatory = true, ParameterSetName = FilePathComputerNameParameterSet)]
    [ValidateNotNull]
    [Alias("PSPath")]
    public override string FilePath { get => base.FilePath; set => base.FilePath = value; }

    /// <summary>The account and its password.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Credential]
    public override PSCredential Credential { get => base.Credential; set => base.Credential = value; }

    /// <summary>How to authenticate.</summary>
    [Parameter]
    [WinRMAuthentication]
    public override AuthenticationMechanism Authentication { get => base.Authentication; set => base.Authentication = value; }

    /// <summary>The port; without it 5985, or 5986 with TLS.</summary>
    [Parameter]
    [ValidateRange(1, ushort.MaxValue)]
    public override int Port { get => base.Port; set => base.Port = value; }

    /// <summary>Whether to use TLS.</summary>
    [Parameter]
    public override SwitchParameter UseSSL { get => base.UseSSL; set => base.UseSSL = value; }

    /// <summary>The endpoint; without it Microsoft.PowerShell.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public override string ConfigurationName { get => base.ConfigurationName; set => base.ConfigurationName = value; }

    /// <summary>The path at the machine; without it wsman.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    public override string ApplicationName { get => base.ApplicationName; set => base.ApplicationName = value; }

    /// <summary>How many machines at once; 32 without it.</summary>
    [Parameter]
    public override int ThrottleLimit { get => base.ThrottleLimit; set => base.ThrottleLimit = value; }

    /// <summary>The other settings; see New-PSSessionOption.</summary>
    [Parameter]
    public override PSSessionOption SessionOption { get => base.SessionOption; set => base.SessionOption = value; }

    /// <summary>Whether to give a job and come back at once.</summary>
    [Parameter]
    public new SwitchParameter AsJob { get => base.AsJob; set => base.AsJob = value; }

    /// <summary>The job's name.</summary>
    [Parameter]
    public new string JobName { get => base.JobName; set => base.JobName = value; }

    /// <summary>Whether the machine's name is left out where output is shown.</summary>
    [Parameter]
    [Alias("HCN")]
    public new SwitchParameter HideComputerName { get => base.HideComputerName; set => base.HideComputerName = value; }

    /// <summary>What $input gets.</summary>
    [Parameter(ValueFromPipeline = true)]
    public override PSObject InputObject { get => base.InputObject; set => base.InputObject = value; }

    /// <summary>The code's arguments.</summary>
    [Parameter]
    [Alias("Args")]
    public override object[] ArgumentList { get => base.ArgumentList; set => base.ArgumentList = value; }

    private protected override IEnumerable<RemoteConnectionInfo> Connections()
    {
        bool named = MyInvocation.BoundParameters.ContainsKey(nameof(ConfigurationName));
        foreach (string computer in ComputerName)
        {
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
                    ApplicationName = ApplicationName ?? "",
                    ConfigurationName = named ? ConfigurationName : "",
                    SessionOption = SessionOption,
                });
            }
            catch (Exception error)
            {
                WriteError(WinRMConnections.Record(error, computer));
                continue;
            }

            yield return info;
        }
    }
}
