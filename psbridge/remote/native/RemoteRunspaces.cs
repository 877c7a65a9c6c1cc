using System;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;

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
}
