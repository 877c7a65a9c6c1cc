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
    /// pipeline between the two, Close fails and leaves the runspace as it is. A pipeline that is
    /// disposed of is off the list, or will be in a moment, so another look does not find it.
    /// </remarks>
    /// <param name="runspace">The runspace.</param>
    public static void Close(Runspace runspace)
    {
        // One at a time: Close does not bear a Dispose beside it.
        lock (runspace)
        {
            while (!TryClose(runspace))
            {
                Thread.Yield();
            }

            runspace.Dispose();
        }
    }

    private static bool TryClose(Runspace runspace)
    {
        try
        {
            runspace.Close();
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
        catch (PSRemotingTransportException)
        {
            // The machine did not answer. The engine's own Dispose keeps that to itself, too.
        }

        return true;
    }
}
