using System;
using System.Management.Automation.Remoting;
using System.Reflection;

namespace PSBridge.Remote;

/// <summary>What PowerShell calls the failure of a session that was to be opened.</summary>
/// <remarks>
/// The engine has names for the codes of Windows', such as AccessDenied for 5; the table is not
/// public. Where an engine lacks it, the name is the one for all others.
/// </remarks>
public static class OpenFailure
{
    private const string Other = "PSSessionOpenFailed";

    private static readonly MethodInfo? s_name = typeof(PSRemotingTransportException).Assembly
        .GetType("System.Management.Automation.Remoting.Client.WSManTransportManagerUtils")?
        .GetMethod("GetFQEIDFromTransportError", BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public);

    /// <summary>The id of the error.</summary>
    /// <param name="reason">Why the session is not open.</param>
    /// <returns>The first part of a FullyQualifiedErrorId.</returns>
    public static string Id(Exception? reason) =>
        reason is PSRemotingTransportException { ErrorCode: not 0 } transport
            ? s_name?.Invoke(null, [transport.ErrorCode, Other]) as string ?? Other
            : Other;
}
