using System;
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
/// Both are taken back where the engine's helper says that it is done, before the child looks what has become
/// of it: the helper is there before the child, so this hears of it first.
/// Rejected: to take them back where they are noted, behind the engine's handlers. On a busy machine the session
/// has closed before that.
/// Not mended: a process of Start-Job that reads a stop beside its command may die of it ("Remote transport
/// error", 3 of 160 in the worst moment). The child is Failed then, as where a process dies otherwise.
/// </remarks>
public sealed class EarlyStop
{
    private readonly object _helper;
    private readonly Pipeline _pipeline;

    private EarlyStop(object helper, Pipeline pipeline) => (_helper, _pipeline) = (helper, pipeline);

    /// <summary>Let a child that is stopped then be Stopped.</summary>
    /// <param name="helper">The engine's helper, which begins the pipeline; no child has it yet.</param>
    public static void CountsAsStop(object? helper)
    {
        if (helper is null
            || EngineMembers.Remoting.Pipeline.Property?.GetValue(helper) is not Pipeline pipeline
            || EngineMembers.Remoting.WhenDone.Method is not { } add)
        {
            return;
        }

        // The type of what comes is not public, and is an EventArgs.
        Action<object?, EventArgs> look = new EarlyStop(helper, pipeline).Look;
        add.Invoke(helper, [look.Method.CreateDelegate(add.GetParameters()[0].ParameterType, look.Target)]);
    }

    private void Look(object? sender, EventArgs args)
    {
        PipelineStateInfo state = _pipeline.PipelineStateInfo;
        if (state.State != PipelineState.Stopped)
        {
            return;
        }

        if (EngineMembers.Remoting.Failure.Field is { } failure
            && failure.GetValue(_helper) is InvalidRunspaceStateException)
        {
            failure.SetValue(_helper, null);
        }

        if (state.Reason is PSRemotingDataStructureException)
        {
            object? stopped = EngineMembers.Remoting.NewPipelineState.Constructor?.Invoke([PipelineState.Stopped]);
            EngineMembers.Remoting.PipelineState.Field?.SetValue(_pipeline, stopped ?? state);
        }
    }
}
