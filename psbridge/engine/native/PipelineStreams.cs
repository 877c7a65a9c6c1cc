using System.Management.Automation;

namespace PSBridge;

/// <summary>The streams of a pipeline beside its output.</summary>
public static class PipelineStreams
{
    /// <summary>Whether nothing is in any of those that a result keeps.</summary>
    /// <param name="pipeline">The pipeline; it has ended.</param>
    /// <remarks>One call instead of ten, which are a tenth of a small pipeline's time.</remarks>
    public static bool AreEmpty(PowerShell pipeline)
    {
        PSDataStreams streams = pipeline.Streams;
        return streams.Error.Count == 0
            && streams.Warning.Count == 0
            && streams.Verbose.Count == 0
            && streams.Debug.Count == 0
            && streams.Information.Count == 0;
    }
}
