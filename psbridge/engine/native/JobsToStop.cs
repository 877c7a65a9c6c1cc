using System;
using System.Diagnostics;

namespace PSBridge;

/// <summary>Jobs written in Python that are stopped side by side.</summary>
/// <remarks>
/// Each request calls Python, which may keep a caller waiting for its GIL for 5 ms while jobs run.
/// From Python, one job after the other, two hundred are a second. Assumption: a request never
/// waits for the work.
/// </remarks>
/// <param name="jobs">The jobs.</param>
public sealed class JobsToStop(IPythonJob[] jobs)
{
    /// <summary>Ask all of them to stop.</summary>
    public void Request() => SideBySide.Begin(jobs.Length, i => jobs[i].RequestStop()).Wait();

    /// <summary>Wait until all have ended whose work is not done by the calling thread.</summary>
    /// <param name="milliseconds">How long to wait at most.</param>
    /// <returns>Whether they have.</returns>
    public bool Wait(int milliseconds)
    {
        var waited = Stopwatch.StartNew();
        bool all = true;
        foreach (IPythonJob job in jobs)
        {
            int left = Math.Max(0, milliseconds - (int)waited.ElapsedMilliseconds);
            all &= job.WorksOnThisThread || job.WaitForFinish(left);
        }

        return all;
    }
}
