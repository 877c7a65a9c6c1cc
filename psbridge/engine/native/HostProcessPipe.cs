using System;
using System.Management.Automation;
using System.Reflection;

namespace PSBridge;

/// <summary>The pipe that each PowerShell opens for `Enter-PSHostProcess`, a file on Unix.</summary>
public static class HostProcessPipe
{
    /// <summary>Close it, which takes its file away.</summary>
    /// <remarks>
    /// The engine does that when .NET says that the process exits. It says so at the end of a .NET
    /// program, not at the end of a Python program that has started .NET, and each of those would
    /// leave a file in the folder for temporary files. The members are not public: where another
    /// version has none of these names, the file stays.
    /// </remarks>
    public static void Close()
    {
        const BindingFlags Any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        Type? server = typeof(PSObject).Assembly
            .GetType("System.Management.Automation.Remoting.RemoteSessionNamedPipeServer");
        // A pipe that ends is opened again otherwise.
        server?.GetField("IPCNamedPipeServerEnabled", Any)?.SetValue(null, false);
        (server?.GetField("IPCNamedPipeServer", Any)?.GetValue(null) as IDisposable)?.Dispose();
        (server?.GetField("_customNamedPipeServer", Any)?.GetValue(null) as IDisposable)?.Dispose();
    }
}
