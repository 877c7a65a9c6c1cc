using System;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Language;
using System.Text;

namespace Psbridge.Pwsh;

/// <summary>
/// The <c>pwsh</c> of an engine that psbridge put together from packages. Those lack PowerShell's
/// own console host; this one does what scripts and the native Start-Job ask of it, and no more.
/// </summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        // Whatever the locale says: PowerShell's own files, and Python on the other side, are UTF-8.
        Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        Console.InputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        try
        {
            return Run(Arguments.Parse(args, Console.IsInputRedirected));
        }
        catch (UsageException error)
        {
            Console.Error.WriteLine(error.Message);
            return ExitCode.BadCommandLine;
        }
    }

    private static int Run(Arguments arguments)
    {
        switch (arguments.Mode)
        {
            case Mode.Help:
                Console.Out.WriteLine(Usage.Text);
                return ExitCode.Success;
            case Mode.Version:
                Console.Out.WriteLine($"PowerShell {PSVersionInfo.PSVersion}");
                return ExitCode.Success;
        }

        PrepareEnvironment();
        string? folder = null;
        if (arguments.WorkingDirectory is { } wanted && !TryEnter(wanted, out folder))
        {
            return ExitCode.Failure;
        }

        if (arguments.Mode == Mode.Server)
        {
            EngineInternals.RunServer(ServerScript(arguments.Text, folder));
            return ExitCode.Success;
        }

        EngineInternals.WarmUp();
        try
        {
            using var session = new Session(arguments);
            return session.Run();
        }
        finally
        {
            LeaveApplicationMode();
        }
    }

    /// <summary>
    /// .NET puts a terminal into application mode with its first output and leaves it there
    /// (dotnet/runtime#27626); whoever reads the keyboard next would get other arrow keys.
    /// </summary>
    private static void LeaveApplicationMode()
    {
        bool plain = Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";
        if (!plain && !Console.IsOutputRedirected && !OperatingSystem.IsWindows())
        {
            Console.Out.Write("\u001b[?1l\u001b>");
        }
    }

    private static void PrepareEnvironment()
    {
        // So that `pwsh` inside is this one, as in the native host.
        string home = AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar);
        string path = Environment.GetEnvironmentVariable("PATH") ?? "";
        if (path != home && !path.StartsWith(home + Path.PathSeparator, StringComparison.Ordinal))
        {
            Environment.SetEnvironmentVariable(
                "PATH", path.Length == 0 ? home : home + Path.PathSeparator + path);
        }

        // The engine sends usage data to its makers unless told otherwise. This copy is part of a
        // library and must not talk to anyone by itself; whoever wants it can set the variable.
        const string OptOut = "POWERSHELL_TELEMETRY_OPTOUT";
        if (Environment.GetEnvironmentVariable(OptOut) is null)
        {
            Environment.SetEnvironmentVariable(OptOut, "1");
        }
    }

    private static bool TryEnter(string wanted, out string? folder)
    {
        folder = null;
        try
        {
            if (wanted == "~" || wanted.StartsWith("~/", StringComparison.Ordinal))
            {
                string user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
                wanted = user + wanted[1..];
            }

            folder = Path.GetFullPath(wanted);
            Environment.CurrentDirectory = folder;
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            Console.Error.WriteLine($"pwsh: cannot use the working directory '{wanted}': {error.Message}");
            return false;
        }
    }

    /// <summary>
    /// What a server runs before anything else. The engine puts a job into the user's home and then
    /// calls Set-Location, which is no part of Microsoft.PowerShell.Core; so the folder is not handed
    /// on, but entered here. The initialization script is kept a script of its own, since <c>using</c>
    /// and <c>param</c> must come first in one.
    /// </summary>
    private static string? ServerScript(string? initialization, string? folder)
    {
        string script = "";
        if (folder is not null)
        {
            string literal = CodeGeneration.EscapeSingleQuotedStringContent(WildcardPattern.Escape(folder));
            script = $"$null = $ExecutionContext.SessionState.Path.SetLocation('{literal}')\n";
        }

        if (!string.IsNullOrWhiteSpace(initialization))
        {
            string literal = CodeGeneration.EscapeSingleQuotedStringContent(initialization);
            script += $". ([scriptblock]::Create('{literal}'))\n";
        }

        return script.Length > 0 ? script : null;
    }
}

/// <summary>The exit codes that this program gives by itself, the same as the native one's.</summary>
internal static class ExitCode
{
    internal const int Success = 0;
    internal const int Failure = 1;
    internal const int BadCommandLine = 64;
    internal const int Interrupted = 130;
}
