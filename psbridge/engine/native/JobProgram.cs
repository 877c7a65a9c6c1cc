using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;

namespace PSBridge;

/// <summary>The program that the engine starts for a job of Start-Job.</summary>
/// <remarks>
/// Its path is in a read-only field of the engine's, which is set here all the same, once and before
/// any job. Reflection refuses that; a reference to the field does not. Assumed: no code has the old
/// value built in. Only code that has run often gets values built in, and only Start-Job reads it.
/// </remarks>
internal static class JobProgram
{
    /// <summary>Let the engine start another program.</summary>
    /// <param name="path">The program, which takes the arguments of pwsh.</param>
    internal static void Replace(string path)
    {
        if (EngineMembers.JobProcess.Program.Field?.FieldType == typeof(string))
        {
            PathOf(null) = path;
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.StaticField, Name = "PwshExePath")]
    private static extern ref string PathOf(PowerShellProcessInstance? of);
}
