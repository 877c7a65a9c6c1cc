using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>Where Get-Help finds what is said of a cmdlet.</summary>
/// <remarks>
/// PowerShell looks for a file named after the assembly, beside it. Ours are kept by declaration,
/// and the same declaration may have several texts at once: in two sessions, before and after an
/// edit. A cmdlet may name a file of its own, but only inside the engine: see <see cref="EngineMembers"/>.
/// </remarks>
public static class CommandHelp
{
    /// <summary>Name the help file of a cmdlet.</summary>
    /// <param name="cmdlet">The cmdlet, as the runspace finds it.</param>
    /// <param name="file">The full path of a MAML file.</param>
    public static void SetFile(CmdletInfo cmdlet, string file) =>
        EngineMembers.Runspaces.HelpFile.Method?.Invoke(cmdlet, [file]);

    /// <summary>Let a runspace forget the help that it has read.</summary>
    /// <param name="runspace">The runspace.</param>
    public static void Forget(Runspace runspace)
    {
        object? context = EngineMembers.Runspaces.Context.Property?.GetValue(runspace);
        if (context is not null && EngineMembers.Runspaces.HelpSystem.Property?.GetValue(context) is { } help)
        {
            EngineMembers.Runspaces.ResetHelp.Method?.Invoke(help, []);
        }
    }
}
