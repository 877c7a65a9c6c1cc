using System;
using System.Linq;
using System.Management.Automation;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>The jobs for which commands of a session wait without an end.</summary>
/// <remarks>
/// Wait-Job and Receive-Job -Wait listen to the states of the jobs that they wait for; whom a job tells
/// of its states says who waits. Without the member that this takes, nobody seems to.
/// </remarks>
public static class JobsWaitedFor
{
    /// <summary>Whether a command waits for a job, or for the parent that it is a child of.</summary>
    /// <param name="repository">The jobs of the session whose commands are meant.</param>
    /// <param name="child">The job.</param>
    /// <returns>Whether it does.</returns>
    public static bool InSession(JobRepository repository, PythonChildJob child) =>
        IsWaitedFor(repository, child) || (child.Parent is { } family && IsWaitedFor(repository, family.Parent));

    private static bool IsWaitedFor(JobRepository repository, Job job) =>
        EngineMembers.ReceiveJob.StateChanged.Field?.GetValue(job) is MulticastDelegate listeners
        && listeners.GetInvocationList().Any(listener => listener.Target switch
        {
            WaitJobCommand { Timeout: < 0 } waits => waits.JobRepository == repository,
            ReceiveJobCommand { Wait.IsPresent: true } waits => waits.JobRepository == repository,
            _ => false,
        });
}
