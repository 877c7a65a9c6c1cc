using System.Management.Automation;

namespace PSBridge;

/// <summary>Where Python code writes its records: a job, or a running cmdlet.</summary>
/// <remarks>
/// Each method returns false where nobody takes records any more (the job was stopped or given up,
/// or the pipeline is ending), which Python turns into the exception that unwinds its code. No
/// exception crosses the border.
/// </remarks>
public interface IRecordSink
{
    /// <summary>Whether a stop has been asked for.</summary>
    bool StopRequested { get; }

    /// <summary>Write an object to the success stream.</summary>
    bool Write(object? value);

    /// <summary>Write a non-terminating error.</summary>
    bool WriteError(ErrorRecord record);

    /// <summary>Write a warning.</summary>
    bool WriteWarning(string text);

    /// <summary>Write a verbose message.</summary>
    bool WriteVerbose(string text);

    /// <summary>Write a debug message.</summary>
    bool WriteDebug(string text);

    /// <summary>Write an information record.</summary>
    bool WriteInformation(InformationRecord record);

    /// <summary>Write progress.</summary>
    bool WriteProgress(ProgressRecord record);
}
