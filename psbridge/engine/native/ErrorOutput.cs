using System;
using System.Management.Automation;
using System.Reflection;

namespace PSBridge;

/// <summary>Errors that the formatter is to show as errors.</summary>
public static class ErrorOutput
{
    private static readonly PropertyInfo? s_stream = typeof(PSObject).GetProperty(
        "WriteStream", BindingFlags.Instance | BindingFlags.NonPublic);

    /// <summary>Mark an error so that Out-Default writes it to the error stream of the host.</summary>
    /// <remarks>The mark is internal; where an engine lacks it, the error is shown as output.</remarks>
    public static PSObject Mark(ErrorRecord error)
    {
        var marked = new PSObject(error);
        s_stream?.SetValue(marked, Enum.Parse(s_stream.PropertyType, "Error"));
        return marked;
    }
}
