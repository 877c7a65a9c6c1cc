using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace PSBridge;

/// <summary>What PowerShell's own host gives a session beside a runspace.</summary>
/// <remarks>
/// Internal members of the engine. Where one is missing, <c>$PROFILE</c> is not there, and
/// <c>exit</c> in a file ends only the file, with <c>$LASTEXITCODE</c>.
/// </remarks>
public static class SessionVariables
{
    private const string ShellId = "Microsoft.PowerShell";

    private const BindingFlags Hidden =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    /// <summary>Set <c>$PROFILE</c>: where this user's profiles are, which are not run.</summary>
    public static void AddProfile(InitialSessionState state)
    {
        MethodInfo? path = typeof(PowerShell).Assembly
            .GetType("System.Management.Automation.HostUtilities")
            ?.GetMethod("GetFullProfileFileName", Hidden, [typeof(string), typeof(bool)]);
        if (path is null)
        {
            return;
        }

        object? Find(string? host, bool forCurrentUser) => path.Invoke(null, [host, forCurrentUser]);
        object? mine = Find(ShellId, true);
        var profile = new PSObject(mine ?? "");
        profile.Properties.Add(new PSNoteProperty("AllUsersAllHosts", Find(null, false)));
        profile.Properties.Add(new PSNoteProperty("AllUsersCurrentHost", Find(ShellId, false)));
        profile.Properties.Add(new PSNoteProperty("CurrentUserAllHosts", Find(null, true)));
        profile.Properties.Add(new PSNoteProperty("CurrentUserCurrentHost", mine));
        state.Variables.Add(new SessionStateVariableEntry("PROFILE", profile, ""));
    }

    /// <summary>Let <c>exit</c> in the next script file end the session with its code.</summary>
    public static void LetFileExit(Runspace runspace)
    {
        object? context = typeof(Runspace).GetProperty("ExecutionContext", Hidden)?.GetValue(runspace);
        context?.GetType().GetProperty("ScriptCommandProcessorShouldRethrowExit", Hidden)?.SetValue(context, true);
    }
}
