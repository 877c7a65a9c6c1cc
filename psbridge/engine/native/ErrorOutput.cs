using System;
using System.Management.Automation;

namespace PSBridge;

/// <summary>Errors that the formatter is to show as errors.</summary>
public static class ErrorOutput
{
    /// <summary>Mark an error so that Out-Default writes it to the error stream of the host.</summary>
    public static PSObject Mark(ErrorRecord error)
    {
        var marked = new PSObject(error);
        if (EngineMembers.Console.WriteStream.Property is { } stream)
        {
            stream.SetValue(marked, Enum.Parse(stream.PropertyType, "Error"));
        }

        return marked;
    }
}
