using System;
using System.IO;
using System.Management.Automation;
using System.Text;
using System.Threading;

namespace PSBridge;

/// <summary>The lines of the process's standard input, for a pipeline's <c>$input</c>.</summary>
/// <remarks>
/// Read on a .NET thread, without Python: a blocked read cannot be called off, and a background
/// thread of .NET's keeps neither Ctrl-C nor the end of the process waiting. What is no UTF-8
/// becomes U+FFFD, as in PowerShell's own host.
/// </remarks>
public static class StandardInput
{
    /// <summary>A collection that gets the lines as they come, and is complete at their end.</summary>
    public static PSDataCollection<object> Lines()
    {
        // Bounded by nothing: PowerShell reads $input in its own time, and has no way to say so.
        var lines = new PSDataCollection<object>();
        new Thread(() => Read(lines)) { IsBackground = true, Name = "psbridge standard input" }.Start();
        return lines;
    }

    private static void Read(PSDataCollection<object> lines)
    {
        try
        {
            using var reader = new StreamReader(
                Console.OpenStandardInput(), new UTF8Encoding(false), detectEncodingFromByteOrderMarks: true);
            while (reader.ReadLine() is { } line)
            {
                lines.Add(line);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            // It is closed, or nobody reads the lines any more: the pipeline has ended.
        }
        finally
        {
            lines.Complete();
        }
    }
}
