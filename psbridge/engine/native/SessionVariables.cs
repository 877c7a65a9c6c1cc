using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>What PowerShell's own host gives a session beside a runspace.</summary>
/// <remarks>By members that are not public; see <see cref="EngineMembers"/> for what is without them.</remarks>
public static class SessionVariables
{
    private const string ShellId = "Microsoft.PowerShell";

    /// <summary>Set <c>$PROFILE</c>: where this user's profiles are, which are not run.</summary>
    public static void AddProfile(InitialSessionState state)
    {
        if (EngineMembers.Runspaces.ProfilePath.Method is not { } path)
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
        object? context = EngineMembers.Runspaces.Context.Property?.GetValue(runspace);
        if (context is not null)
        {
            EngineMembers.Runspaces.RethrowExit.Property?.SetValue(context, true);
        }
    }
}
