using System.Collections.Generic;
using System.ComponentModel;
using System.Linq;
using System.Management.Automation;

namespace PSBridge.Remote;

/// <summary>What Python starts remote jobs with: Invoke-Command on connections of all kinds.</summary>
/// <remarks>No session lists it: Python calls it by its class.</remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
[Cmdlet(VerbsLifecycle.Invoke, "OnTargets", DefaultParameterSetName = ComputerNameParameterSet)]
public sealed class InvokeOnTargetsCommand : RemoteCommand
{
    /// <summary>The connections, one for each child.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ComputerNameParameterSet)]
    public RemoteConnectionInfo[] Connection { get; set; } = [];

    /// <summary>The code.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ComputerNameParameterSet)]
    public override ScriptBlock ScriptBlock { get => base.ScriptBlock; set => base.ScriptBlock = value; }

    /// <summary>How many at once.</summary>
    [Parameter]
    public override int ThrottleLimit { get => base.ThrottleLimit; set => base.ThrottleLimit = value; }

    /// <summary>The job's name.</summary>
    [Parameter]
    public new string JobName { get => base.JobName; set => base.JobName = value; }

    /// <summary>Whether to give a job.</summary>
    [Parameter]
    public new SwitchParameter AsJob { get => base.AsJob; set => base.AsJob = value; }

    /// <summary>What $input gets.</summary>
    [Parameter(ValueFromPipeline = true)]
    public override PSObject InputObject { get => base.InputObject; set => base.InputObject = value; }

    /// <summary>The code's arguments.</summary>
    [Parameter]
    public override object[] ArgumentList { get => base.ArgumentList; set => base.ArgumentList = value; }

    /// <summary>Not here.</summary>
    public override string[] ComputerName { get => base.ComputerName; set => base.ComputerName = value; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        ComputerName = Connection.Select(info => info.ComputerName).ToArray();
        base.BeginProcessing();
    }

    private protected override IEnumerable<RemoteConnectionInfo> Connections() => Connection;
}
