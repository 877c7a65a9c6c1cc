using System;
using System.Collections;
using System.Linq;
using System.Management.Automation;
using System.Security;

namespace Twin;

/// <summary>What a C# author would write for the declaration of the Python twin.</summary>
[Cmdlet("Test", "NetTwin")]
public sealed class TestTwinCommand : PSCmdlet
{
    [Parameter(Position = 0)]
    public string? Text { get; set; }

    [Parameter]
    public long? Number { get; set; }

    [Parameter]
    public double? Real { get; set; }

    [Parameter]
    public decimal? Exact { get; set; }

    [Parameter]
    public SwitchParameter Switch { get; set; }

    [Parameter]
    public DateTime? When { get; set; }

    [Parameter]
    public TimeSpan? Duration { get; set; }

    [Parameter]
    public Guid? Key { get; set; }

    [Parameter]
    public byte[]? Data { get; set; }

    [Parameter]
    public string[]? Texts { get; set; }

    [Parameter]
    public long[]? Numbers { get; set; }

    [Parameter]
    public Hashtable? Table { get; set; }

    [Parameter]
    [ValidateSet("Fast", "Slow")]
    public string? How { get; set; }

    [Parameter]
    [ValidateSet("RED", "BLUE")]
    public string? Colour { get; set; }

    [Parameter]
    [ValidateSet("RED", "BLUE")]
    public string[]? Colours { get; set; }

    [Parameter]
    public string? Place { get; set; }

    [Parameter]
    public string[]? Files { get; set; }

    [Parameter]
    public Version? Version { get; set; }

    [Parameter]
    public ScriptBlock? Block { get; set; }

    [Parameter]
    public SecureString? Password { get; set; }

    [Parameter]
    [Credential]
    public PSCredential? Login { get; set; }

    [Parameter]
    public object? Anything { get; set; }

    [Parameter]
    [ValidateRange(1L, 10L)]
    public long? Ranged { get; set; }

    [Parameter]
    [ValidateRange(0.5, 1.5)]
    public double? RangedReal { get; set; }

    [Parameter]
    [ValidateLength(2, 3)]
    public string? Sized { get; set; }

    [Parameter]
    [ValidateCount(1, 2)]
    public string[]? Counted { get; set; }

    [Parameter]
    [ValidatePattern("^a+$")]
    public string? Matching { get; set; }

    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? NotEmpty { get; set; }

    [Parameter]
    [Even]
    public long? Even { get; set; }

    [Parameter]
    [Trimmed]
    public string? Trimmed { get; set; }

    [Parameter(DontShow = true)]
    public string? Reserved { get; set; }

    [Parameter]
    [Alias("Nick")]
    public string? Named { get; set; }

    [Parameter(ValueFromPipeline = true)]
    public long? Piped { get; set; }

    [Parameter(ValueFromPipelineByPropertyName = true)]
    public string? Property { get; set; }

    [Parameter(ValueFromRemainingArguments = true)]
    public string[]? Rest { get; set; }

    protected override void ProcessRecord()
    {
        foreach (string name in MyInvocation.BoundParameters.Keys
            .Where(name => GetType().GetProperty(name) is not null).OrderBy(name => name, StringComparer.Ordinal))
        {
            object? value = name switch
            {
                nameof(Place) => SessionState.Path.GetUnresolvedProviderPathFromPSPath(Place),
                nameof(Files) => Files!.SelectMany(Found).ToArray(),
                _ => GetType().GetProperty(name)!.GetValue(this),
            };
            WriteObject(PSObject.AsPSObject(name));
            WriteObject(value is SwitchParameter given ? given.IsPresent : value, enumerateCollection: false);
        }
    }

    private string[] Found(string path) => WildcardPattern.ContainsWildcardCharacters(path)
        ? [.. SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _)]
        : [SessionState.Path.GetUnresolvedProviderPathFromPSPath(path)];
}

/// <summary>What a Python function that validates says, in C#.</summary>
public sealed class EvenAttribute : ValidateEnumeratedArgumentsAttribute
{
    protected override void ValidateElement(object element)
    {
        if ((long)element % 2 != 0)
        {
            throw new ValidationMetadataException($"The value \"{element}\" is not accepted.");
        }
    }
}

/// <summary>What a Python function that transforms does, in C#.</summary>
public sealed class TrimmedAttribute : ArgumentTransformationAttribute
{
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        inputData.ToString()!.Trim();
}

/// <summary>The same for parameter sets.</summary>
[Cmdlet("Test", "NetSets", DefaultParameterSetName = "ByName", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Low)]
public sealed class TestSetsCommand : PSCmdlet
{
    [Parameter(ParameterSetName = "ByName", Mandatory = true, Position = 0)]
    public string? Name { get; set; }

    [Parameter(ParameterSetName = "ById", Mandatory = true)]
    public long? Id { get; set; }

    [Parameter(ParameterSetName = "ByName")]
    [Parameter(ParameterSetName = "ById", Mandatory = true)]
    public string? Both { get; set; }

    protected override void ProcessRecord()
    {
        WriteObject(ParameterSetName);
        if (ShouldProcess("target", "action"))
        {
            WriteObject("done");
        }
    }
}
