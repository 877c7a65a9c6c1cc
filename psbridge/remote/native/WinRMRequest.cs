using System;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;

namespace PSBridge.Remote;

/// <summary>What the parameters of a cmdlet say about a machine; Python makes a connection of it.</summary>
public sealed class WinRMRequest
{
    /// <summary>The cmdlet: what it asks for in one call belongs together.</summary>
    public PSCmdlet? Command { get; init; }

    /// <summary>The machine: a name, an address or a URL.</summary>
    public string ComputerName { get; init; } = "";

    /// <summary>The account; null for the one that runs this.</summary>
    public string? UserName { get; init; }

    /// <summary>Its password.</summary>
    public string? Password { get; init; }

    /// <summary>How to authenticate, as PowerShell names it.</summary>
    public string Authentication { get; init; } = "Default";

    /// <summary>Whether TLS is used.</summary>
    public bool UseSSL { get; init; }

    /// <summary>The port; 0 for the usual one.</summary>
    public int Port { get; init; }

    /// <summary>The path, such as wsman; empty for the usual one.</summary>
    public string ApplicationName { get; init; } = "";

    /// <summary>The endpoint's name; empty for the usual one.</summary>
    public string ConfigurationName { get; init; } = "";

    /// <summary>The other settings.</summary>
    public PSSessionOption SessionOption { get; init; } = new();
}

/// <summary>Python's half of the cmdlets.</summary>
public static class WinRMConnections
{
    /// <summary>Makes a connection of a request, or an exception that says why not.</summary>
    public static Func<WinRMRequest, object>? Make { get; set; }

    /// <summary>Make the connection.</summary>
    /// <exception cref="ArgumentException">The settings do not go together, or cannot work.</exception>
    internal static RemoteConnectionInfo Connect(WinRMRequest request)
    {
        if (Make is null)
        {
            PythonRuntime.Run("import psbridge.remote.commands as commands; commands.register()");
        }

        object? made = null;
        Border.TryCall(() => made = Make?.Invoke(request));
        return made switch
        {
            RemoteConnectionInfo info => info,
            Exception error => throw error,
            _ => throw new InvalidOperationException("psbridge's Python half is not there (any more)"),
        };
    }

    /// <summary>The record for a machine to which there is no connection.</summary>
    internal static ErrorRecord Record(Exception error, string computer) =>
        new(error, "CreateRemoteRunspaceFailed", ErrorCategory.InvalidArgument, computer);
}
