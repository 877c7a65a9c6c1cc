using System;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>Makes runspaces on other machines.</summary>
public static class RemoteRunspaces
{
    // Made once: it takes long, and the engine's own sessions share one, too.
    private static readonly Lazy<TypeTable> s_types = new(TypeTable.LoadDefaultTypeFiles);

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
