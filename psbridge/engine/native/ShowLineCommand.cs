using System.ComponentModel;
using System.Management.Automation;

namespace PSBridge;

/// <summary>What shows the lines that PowerShell's formatter has made, as they are.</summary>
/// <remarks>
/// No session lists it: Python calls it by its class. Rejected: Out-Host, which formats once more,
/// and Out-Default at the end of the pipeline: native programs then write past the host.
/// </remarks>
[EditorBrowsable(EditorBrowsableState.Never)]
[Cmdlet(VerbsCommon.Show, "Line")]
public sealed class ShowLineCommand : PSCmdlet
{
    /// <summary>The line.</summary>
    [Parameter(ValueFromPipeline = true)]
    public string Line { get; set; } = "";

    /// <summary>Show it.</summary>
    protected override void ProcessRecord() => Host.UI.WriteLine(Line);
}
