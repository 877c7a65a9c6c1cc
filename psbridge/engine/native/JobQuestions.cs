using System;
using System.Collections;
using System.IO;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Remoting.Internal;
using System.Reflection;

namespace PSBridge;

/// <summary>What jobs in other processes ask their host, such as Read-Host does.</summary>
/// <remarks>
/// The engine keeps the question in the job, which is Blocked, until somebody receives that. Who only waits
/// for the job would wait for ever. Here the question is taken out of the job's results and put to the
/// session's host, as Receive-Job does, and nothing else of the job is touched.
/// </remarks>
public static class JobQuestions
{
    /// <summary>Put what a job and its children ask to the host; it may take as long as the answer does.</summary>
    /// <param name="job">Any job.</param>
    /// <returns>Whether one of them had asked something.</returns>
    public static bool Answer(Job job)
    {
        bool hasAsked = false;
        foreach (Job one in job.ChildJobs.Append(job).ToArray())
        {
            if (one.JobStateInfo.State == JobState.Blocked && Take(one) is { } question)
            {
                hasAsked = true;
                Answer(one, question);
            }
        }

        return hasAsked;
    }

    private static void Answer(Job job, object question)
    {
        Action<ErrorRecord> failed = record => JobInternals.WriteError(job, record);
        try
        {
            // Before the answer, at which the job may ask the next thing, and is Blocked again.
            EngineMembers.Sources.Unblock.Method?.Invoke(job, null);
            EngineMembers.Streams.Execute.Method?.Invoke(question, [failed]);
        }
        catch (TargetInvocationException error) when (
            error.InnerException is NullReferenceException or InvalidOperationException or IOException
                or PSRemotingTransportException)
        {
            // The other side is gone, and nobody is there to take the answer: the job ends by that.
        }
    }

    /// <summary>Whether a job or one of its children waits for somebody.</summary>
    /// <param name="job">Any job.</param>
    /// <returns>Whether it does.</returns>
    public static bool IsBlocked(Job job) =>
        job.JobStateInfo.State == JobState.Blocked
        || job.ChildJobs.Any(child => child.JobStateInfo.State == JobState.Blocked);

    private static object? Take(Job job)
    {
        if (!RemotingJobs.IsChild(job)
            || !EngineMembers.Streams.Execute.IsThere
            || !EngineMembers.Sources.Unblock.IsThere
            || JobInternals.Results?.Invoke(job) is not { } results)
        {
            return null;
        }

        lock (((ICollection)results).SyncRoot)
        {
            for (int i = 0; i < results.Count; i++)
            {
                PSStreamObject one = results[i];
                if (one.ObjectType == PSStreamObjectType.MethodExecutor && JobReader.Asks(one))
                {
                    results.RemoveAt(i);
                    return JobReader.ValueOf(one);
                }
            }
        }

        return null;
    }
}
