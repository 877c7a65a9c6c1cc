using System.Management.Automation;

namespace PSBridge;

/// <summary>What PowerShell hangs on an object from another machine or process; no part of it.</summary>
internal static class RemotingNotes
{
    internal const string Machine = "PSComputerName";
    internal const string Mark = "PSShowComputerName";

    internal static bool Are(string name) =>
        name is Machine or Mark or "RunspaceId" or "PSSourceJobInstanceId";

    internal static string? OriginOf(PSObject item) =>
        item.Properties[Mark] is null ? null : item.Properties[Machine]?.Value as string;
}
