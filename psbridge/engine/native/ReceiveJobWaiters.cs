using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Remoting.Internal;
using System.Reflection;
using System.Threading;
using Microsoft.PowerShell.Commands;

namespace PSBridge;

/// <summary>The Receive-Job -Wait that wait for a job whose children come one by one.</summary>
/// <remarks>
/// <para>
/// Receive-Job looks at a job's children once, when it begins. Those of PowerShell's own jobs are
/// all there by then. One that comes later has to be handed to it, as it would have taken it
/// itself; else its records would not be shown, and be lost with -AutoRemoveJob. Without the
/// members that this takes, the records stay in the child for the next Receive-Job.
/// </para>
/// <para>
/// Receive-Job takes children of several jobs from the pipeline without its lock, so it is waited
/// for while it does; not without end, for what feeds it may be anybody's pipeline. One that takes
/// longer finds the records of such a child in the next Receive-Job.
/// </para>
/// </remarks>
internal static class ReceiveJobWaiters
{
    private const int Milliseconds = 10_000;

    private static readonly FieldInfo? s_stateChanged = EngineMembers.ReceiveJob.StateChanged.Field;
    private static readonly FieldInfo? s_writeExistingData = EngineMembers.ReceiveJob.WriteExistingData.Field;
    private static readonly FieldInfo? s_syncObject = EngineMembers.ReceiveJob.SyncObject.Field;
    private static readonly FieldInfo? s_aggregated = EngineMembers.ReceiveJob.Aggregated.Field;
    private static readonly FieldInfo? s_results = EngineMembers.ReceiveJob.Results.Field;
    private static readonly MethodInfo? s_aggregate = EngineMembers.ReceiveJob.Aggregate.Method;

    private static readonly Action<PSStreamObject, Guid>? s_setId =
        EngineMembers.ReceiveJob.SetId.Method?.CreateDelegate<Action<PSStreamObject, Guid>>();

    private static readonly bool s_supported =
        s_stateChanged is not null && s_writeExistingData is not null && s_syncObject is not null
        && s_aggregated is not null && s_results is not null && s_aggregate is not null
        && JobInternals.Results is not null && s_setId is not null;

    /// <summary>Let those who wait for a parent take a child that has just come and not begun.</summary>
    internal static void Take(Job parent, Job child)
    {
        foreach (ReceiveJobCommand waiter in Of(parent))
        {
            lock (s_syncObject!.GetValue(waiter)!)
            {
                if (!((List<Job>)s_aggregated!.GetValue(waiter)!).Contains(child))
                {
                    s_aggregate!.Invoke(waiter, [child]);
                }
            }
        }
    }

    /// <summary>
    /// Hand over what is left in the children of a parent that is about to end: a child that came
    /// while Receive-Job was about to wait was seen by neither side.
    /// </summary>
    internal static void TakeRest(Job parent)
    {
        foreach (ReceiveJobCommand waiter in Of(parent))
        {
            var results = (PSDataCollection<PSStreamObject>)s_results!.GetValue(waiter)!;
            foreach (Job child in parent.ChildJobs)
            {
                foreach (PSStreamObject record in JobInternals.Results!(child).ReadAll())
                {
                    s_setId!(record, child.InstanceId);
                    results.Add(record);
                }
            }
        }
    }

    private static IEnumerable<ReceiveJobCommand> Of(Job parent)
    {
        if (!s_supported || s_stateChanged!.GetValue(parent) is not MulticastDelegate handlers)
        {
            yield break;
        }

        foreach (ReceiveJobCommand waiter in handlers.GetInvocationList()
            .Select(handler => handler.Target).OfType<ReceiveJobCommand>())
        {
            bool waits;
            try
            {
                waits = ((ManualResetEvent)s_writeExistingData!.GetValue(waiter)!).WaitOne(Milliseconds);
            }
            catch (ObjectDisposedException)
            {
                waits = false; // it has ended meanwhile
            }

            if (waits)
            {
                yield return waiter;
            }
        }
    }
}
