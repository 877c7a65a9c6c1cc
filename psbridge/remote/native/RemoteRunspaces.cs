using System;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>Makes runspaces on other machines.</summary>
public static class RemoteRunspaces
{
    // Made once: it takes long, and the engine's own sessions share one, too.
    private static readonly Lazy<TypeTable> s_types = new(TypeTable.LoadDefaultTypeFiles);

    /// <summary>The record for a session that cannot be opened, named as the engine names those of its own.</summary>
    /// <remarks>
    /// It does so by the code of Windows'.
    /// </remarks>
    /// <param name="reason">Why.</param>
    /// <param name="target">What it is about.</param>
    /// <returns>The record.</returns>
    public static ErrorRecord OpenFailure(Exception reason, object target)
    {
        const string General = "PSSessionOpenFailed";
        string id = reason is PSRemotingTransportException { ErrorCode: not 0 and int code }
            && EngineMembers.Remoting.ErrorId.Method?.Invoke(null, [code, General]) is string name
                ? name
                : General;
        return new ErrorRecord(reason, id, ErrorCategory.OpenError, target);
    }

    /// <summary>Make a runspace, which is not open yet.</summary>
    /// <param name="info">The way to the machine.</param>
    /// <param name="host">Where the far side shows things and asks; null for nowhere.</param>
    /// <param name="arguments">What the far side gets as $PSSenderInfo.ApplicationArguments; or null.</param>
    /// <param name="name">The session's name; or null.</param>
    /// <returns>The runspace.</returns>
    public static Runspace Create(
        RemoteConnectionInfo info, PSHost? host, PSPrimitiveDictionary? arguments, string? name)
    {
        Runspace runspace = RunspaceFactory.CreateRunspace(info, host, s_types.Value, arguments, name);
        info.Exit = new RemoteExit(info, runspace, host);
        return runspace;
    }

    /// <summary>Close a runspace for good, whatever runs in it; may be called twice, and on any thread.</summary>
    /// <remarks>
    /// The engine's own Close looks what runs, and then waits for its end. Where a job disposes of its
    /// pipeline between the two, Close throws and has waited for nothing. So the close is begun and its
    /// end is waited for here, where nothing runs any more; what is left to look at is off the engine's
    /// list, or will be in a moment. Where a pipeline is disposed of while the far side closes, the engine
    /// can fail to notice that it has closed; so this waits no longer than a far side can take.
    /// </remarks>
    /// <param name="runspace">The runspace.</param>
    /// <returns>Whether it has closed. One that does not within its time is left to itself.</returns>
    public static bool Close(Runspace runspace)
    {
        // One at a time: the engine does not bear a Dispose beside a Close.
        lock (runspace)
        {
            if (!IsOver(runspace.RunspaceStateInfo.State) && !CloseAndWait(runspace))
            {
                return false;
            }

            SpinWait.SpinUntil(() => TryDispose(runspace), CloseMilliseconds);
            return true;
        }
    }

    // The carriers give up a machine that does not answer after two seconds.
    private const int CloseMilliseconds = 10_000;

    private static bool CloseAndWait(Runspace runspace)
    {
        // Not disposed of: a late event may still set it.
        ManualResetEventSlim over = new();
        runspace.StateChanged += (_, change) =>
        {
            if (IsOver(change.RunspaceStateInfo.State))
            {
                over.Set();
            }
        };
        if (!IsOver(runspace.RunspaceStateInfo.State))
        {
            runspace.CloseAsync();
        }

        return over.Wait(CloseMilliseconds) || IsOver(runspace.RunspaceStateInfo.State);
    }

    private static bool IsOver(RunspaceState state) =>
        state is RunspaceState.BeforeOpen or RunspaceState.Closed or RunspaceState.Broken;

    private static bool TryDispose(Runspace runspace)
    {
        try
        {
            runspace.Close();
            runspace.Dispose();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        catch (PSRemotingTransportException)
        {
            // The machine did not answer. The engine's own Dispose keeps that to itself, too.
            runspace.Dispose();
        }

        return true;
    }
}
