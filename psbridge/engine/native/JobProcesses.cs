using System;
using System.Diagnostics;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Remoting.Client;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;

namespace PSBridge;

/// <summary>The processes of Start-Job's jobs, and what becomes of a job whose process dies.</summary>
/// <remarks>
/// The engine notices the end of the process, and closes the session by asking the process to close it.
/// For the answer of the dead it waits for a minute; meanwhile the job is Running, and whoever stops it,
/// removes it or closes its session waits, too. Here the answer is given. Where the engine is not that
/// far yet, the end is reported as a failure to receive, from which the engine goes the same way.
/// Rejected: the event Process.Exited. The engine's handler comes first, reads to the end what the
/// process has written, and does not come back where a process of the job's own holds that open.
/// </remarks>
public static class JobProcesses
{
    private const int LookMilliseconds = 100;

    // How long the engine's reader may take for what is still in the pipe of a dead process. Nothing
    // tells when it is through: another process may hold the pipe's other end.
    private const int DrainMilliseconds = 200;

    private static readonly ConditionalWeakTable<Job, object> s_watched = [];

    /// <summary>Watch the processes of those jobs that are not watched yet.</summary>
    /// <param name="repository">The jobs of a session.</param>
    public static void Watch(JobRepository repository)
    {
        foreach (Job job in repository.Jobs)
        {
            foreach (Job child in job.ChildJobs)
            {
                if (child is not IPythonJob && s_watched.TryAdd(child, child) && RunspaceOf(child) is { } runspace)
                {
                    Follow(child, runspace);
                }
            }
        }
    }

    /// <summary>Whether it is a job of Start-Job.</summary>
    /// <param name="job">The job, with its children.</param>
    /// <returns>Whether one of them runs in a process that the engine has started for it.</returns>
    public static bool HasProcess(Job job) => job.ChildJobs.Append(job).Any(child => RunspaceOf(child) is not null);

    /// <summary>Kill the processes of a job.</summary>
    /// <param name="job">The job, with its children.</param>
    public static void Kill(Job job)
    {
        foreach (Job child in job.ChildJobs.Append(job))
        {
            if (RunspaceOf(child) is { } runspace && ProcessOf(TransportOf(runspace)) is { } process)
            {
                try
                {
                    process.Kill();
                }
                catch (InvalidOperationException)
                {
                    // it has ended, or never began
                }
            }
        }
    }

    /// <summary>How a child of the engine's own jobs is connected with what runs it.</summary>
    /// <param name="child">The child.</param>
    /// <returns>Its connection; null for a job of another kind.</returns>
    public static RunspaceConnectionInfo? ConnectionOf(Job child) => RunspaceOfAny(child)?.OriginalConnectionInfo;

    private static Process? ProcessOf(BaseTransportManager? transport) =>
        transport is null ? null : EngineMembers.JobProcess.Process.Field?.GetValue(transport) as Process;

    private static Runspace? RunspaceOfAny(Job child) =>
        EngineMembers.Sources.ChildRunspace.Property is { } property
            && property.DeclaringType!.IsInstanceOfType(child)
                ? property.GetValue(child) as Runspace
                : null;

    /// <summary>Where a child of Start-Job runs; null for a job of another kind.</summary>
    internal static Runspace? RunspaceOf(Job child) =>
        RunspaceOfAny(child) is { OriginalConnectionInfo: { } connection } runspace
            && connection.GetType().Name == "NewProcessConnectionInfo"
                ? runspace
                : null;

    private static void Follow(Job child, Runspace runspace)
    {
        if (JobInternals.IsFinished(child.JobStateInfo.State))
        {
            return;
        }

        if (TransportOf(runspace) is { } transport
            && ProcessOf(transport) is { } process
            && HasExited(process))
        {
            Later(DrainMilliseconds, () => Report(child, transport, process));
        }
        else
        {
            Later(LookMilliseconds, () => Follow(child, runspace));
        }
    }

    /// <summary>Call something after a time.</summary>
    internal static void Later(int milliseconds, Action action) =>
        _ = Task.Delay(milliseconds).ContinueWith(
            _ => action(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);

    private static BaseTransportManager? TransportOf(Runspace runspace)
    {
        object? found = runspace;
        foreach (EngineMember step in new[]
        {
            EngineMembers.JobProcess.Pool, EngineMembers.JobProcess.RemotePool,
            EngineMembers.JobProcess.Handler, EngineMembers.JobProcess.Transport,
        })
        {
            found = found is null ? null : step.Property?.GetValue(found);
        }

        return found as BaseTransportManager;
    }

    private static bool HasExited(Process process)
    {
        try
        {
            return process.HasExited || IsGone(process.Id);
        }
        catch (InvalidOperationException)
        {
            return false; // another thread has not started it yet, or it is the engine's no more
        }
    }

    // Where somebody else waits for this process's children (a handler of SIGCHLD, or SIGCHLD ignored),
    // the system tells .NET nothing of their ends.
    private static bool IsGone(int id)
    {
        try
        {
            using Process there = Process.GetProcessById(id);
            return false;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }

    private static void Report(Job child, BaseTransportManager transport, Process process)
    {
        if (JobInternals.IsFinished(child.JobStateInfo.State))
        {
            return;
        }

        PSRemotingTransportException reason = new(
            $"The process of the job has ended before the job had: {HowItEnded(process)}.");
        transport.RaiseErrorHandler(
            new TransportErrorOccuredEventArgs(reason, TransportMethodEnum.ReceiveShellOutputEx));
        EngineMembers.JobProcess.Feed.Method?.Invoke(transport, [$"<CloseAck PSGuid='{Guid.Empty}' />"]);
    }

    private static string HowItEnded(Process process)
    {
        try
        {
            int code = process.ExitCode;
            return OperatingSystem.IsWindows() || code <= 128 ? $"exit code {code}" : $"signal {code - 128} ended it";
        }
        catch (InvalidOperationException)
        {
            return "its exit code is not known";
        }
    }
}
