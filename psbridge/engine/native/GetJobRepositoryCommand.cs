using System.Management.Automation;

namespace PSBridge;

/// <summary>Hands out the job repository of the runspace it runs in, which only a cmdlet has.</summary>
[Cmdlet(VerbsCommon.Get, "PSBridgeJobRepository")]
[OutputType(typeof(JobRepository))]
public sealed class GetJobRepositoryCommand : PSCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord() => WriteObject(JobRepository, enumerateCollection: false);
}
