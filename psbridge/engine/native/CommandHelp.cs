using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace PSBridge;

/// <summary>Where Get-Help finds what is said of a cmdlet.</summary>
/// <remarks>
/// PowerShell looks for a file named after the assembly, beside it. Ours are kept by declaration,
/// and the same declaration may have several texts at once: in two sessions, before and after an
/// edit. A cmdlet may name a file of its own, but only inside the engine; so this is by reflection,
/// and where an engine lacks these members its Get-Help shows the syntax.
/// </remarks>
public static class CommandHelp
{
    private const BindingFlags Inner = BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public;

    private static readonly MethodInfo? s_setFile = typeof(CmdletInfo).GetProperty("HelpFile")?.GetSetMethod(nonPublic: true);

    private static readonly PropertyInfo? s_context = typeof(Runspace).GetProperty("ExecutionContext", Inner);

    private static readonly PropertyInfo? s_system = s_context?.PropertyType.GetProperty("HelpSystem", Inner);

    private static readonly MethodInfo? s_reset = s_system?.PropertyType.GetMethod("ResetHelpProviders", Inner, []);

    /// <summary>Name the help file of a cmdlet.</summary>
    /// <param name="cmdlet">The cmdlet, as the runspace finds it.</param>
    /// <param name="file">The full path of a MAML file.</param>
    public static void SetFile(CmdletInfo cmdlet, string file) => s_setFile?.Invoke(cmdlet, [file]);

    /// <summary>Let a runspace forget the help that it has read.</summary>
    /// <param name="runspace">The runspace.</param>
    public static void Forget(Runspace runspace) =>
        s_reset?.Invoke(s_system!.GetValue(s_context!.GetValue(runspace)), []);
}
