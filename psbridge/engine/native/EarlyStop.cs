using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>A job's child that is stopped in the moment in which its session opens and its code begins.</summary>
/// <remarks>
/// The engine has two races there, after which a child that was stopped is Failed:
/// - The stop of a pipeline that has not begun closes the session at once. Where the pipeline is being begun
///   in that moment, the engine finds the session closing, and takes that for what has failed the child.
/// - The far side acknowledges the stop of a pipeline that it has not begun, and tells no end of it. The
///   engine takes the missing end for a failure.
///
/// Both are taken back here, on the thread that noted them, behind the engine's handler and before the
/// session can have closed, which is when the engine looks.
/// Not mended: a process of Start-Job that reads a stop beside its command may die of it ("Remote transport
/// error", 3 of 160 in the worst moment). The child is Failed then, as where a process dies otherwise.
/// </remarks>
public static class EarlyStop
{
    /// <summary>Let a child that is stopped then be Stopped.</summary>
    /// <param name="helper">The engine's helper, which begins the pipeline when the session is open.</param>
    public static void CountsAsStop(object? helper)
    {
        if (helper is null || EngineMembers.Remoting.Pipeline.Property?.GetValue(helper) is not Pipeline pipeline)
        {
            return;
        }

        if (EngineMembers.Remoting.Failure.Field is { } failure)
        {
            pipeline.Runspace.StateChanged += (_, change) =>
            {
                if (change.RunspaceStateInfo.State == RunspaceState.Opened
                    && pipeline.PipelineStateInfo.State == PipelineState.Stopped
                    && failure.GetValue(helper) is InvalidRunspaceStateException)
                {
                    failure.SetValue(helper, null);
                }
            };
        }

        if (EngineMembers.Remoting.PipelineState.Field is { } state
            && EngineMembers.Remoting.NewPipelineState.Constructor is { } newState)
        {
            pipeline.StateChanged += (_, change) =>
            {
                if (change.PipelineStateInfo is { State: PipelineState.Stopped, Reason: PSRemotingDataStructureException })
                {
                    state.SetValue(pipeline, newState.Invoke([PipelineState.Stopped]));
                }
            };
        }
    }
}
