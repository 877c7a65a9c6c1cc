namespace PSBridge;

/// <summary>What the parent and the children of a job written in Python have in common.</summary>
public interface IPythonJob
{
    /// <summary>Whether the calling thread does this job's work, and so cannot wait for it.</summary>
    bool WorksOnThisThread { get; }

    /// <summary>Ask the work to stop, without waiting for it.</summary>
    void RequestStop();

    /// <summary>Wait until the job has ended.</summary>
    /// <param name="milliseconds">How long to wait at most; -1 is for ever.</param>
    /// <returns>Whether it has ended.</returns>
    bool WaitForFinish(int milliseconds);
}
