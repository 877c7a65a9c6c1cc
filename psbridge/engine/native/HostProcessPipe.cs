using System;

namespace PSBridge;

/// <summary>The pipe that each PowerShell opens for `Enter-PSHostProcess`, a file on Unix.</summary>
public static class HostProcessPipe
{
    /// <summary>Close it, which takes its file away.</summary>
    /// <remarks>
    /// The engine does that when .NET says that the process exits. It says so at the end of a .NET
    /// program, not at the end of a Python program that has started .NET, and each of those would
    /// leave a file in the folder for temporary files.
    /// </remarks>
    public static void Close()
    {
        // A pipe that ends is opened again otherwise.
        EngineMembers.Runspaces.PipeEnabled.Field?.SetValue(null, false);
        (EngineMembers.Runspaces.PipeOfProcess.Field?.GetValue(null) as IDisposable)?.Dispose();
        (EngineMembers.Runspaces.PipeOfHost.Field?.GetValue(null) as IDisposable)?.Dispose();
    }
}
