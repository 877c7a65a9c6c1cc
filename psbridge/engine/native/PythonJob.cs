using System;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>What the parent and the children of a job written in Python have in common.</summary>
/// <remarks>
/// Everything that PowerShell asks of a job is answered from fields: no cmdlet waits for Python,
/// except where it asks for a stop.
/// </remarks>
public abstract class PythonJob : Job
{
    private volatile bool _stopRequested;

    private protected PythonJob(string command, string? name)
        : base(command, name)
    {
        PSJobTypeName = "PythonJob";
        JobInternals.UseResults(this, true);
    }

    /// <inheritdoc/>
    public override string StatusMessage => string.Empty;

    /// <summary>Whether a stop has been asked for.</summary>
    public bool StopRequested => _stopRequested;

    /// <summary>Whether the calling thread does this job's work, and so cannot wait for it.</summary>
    public abstract bool WorksOnThisThread { get; }

    /// <summary>Ask the work to stop, without waiting for it.</summary>
    public virtual void RequestStop() => _stopRequested = true;

    /// <summary>Ask the work to stop, and wait until it has; the work itself only asks.</summary>
    public override void StopJob()
    {
        RequestStop();
        if (!WorksOnThisThread)
        {
            WaitForFinish(Timeout.Infinite);
        }
    }

    /// <summary>Wait until the job has ended.</summary>
    /// <param name="milliseconds">How long to wait at most; -1 is for ever.</param>
    /// <returns>Whether it has ended.</returns>
    public bool WaitForFinish(int milliseconds)
    {
        try
        {
            return Finished.WaitOne(milliseconds);
        }
        catch (ObjectDisposedException)
        {
            // Removed by somebody else, which it can only be once it has ended.
            return true;
        }
    }

    private protected void SetState(JobState state, Exception? reason)
    {
        try
        {
            if (JobInternals.SetJobState is { } set)
            {
                set(this, state, reason);
            }
            else
            {
                SetJobState(state);
            }
        }
        catch (ObjectDisposedException)
        {
            // Removed in this moment; there is nobody left to tell.
        }
    }
}
