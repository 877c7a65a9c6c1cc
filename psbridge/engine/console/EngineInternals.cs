using System;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Reflection;

namespace Psbridge.Pwsh;

/// <summary>
/// The few things that the native console host reaches as a friend assembly of the engine, and that
/// have no public counterpart. The engine's version is pinned, so a name that is gone is found by
/// the tests and not by a user; each method says what it is for.
/// </summary>
internal static class EngineInternals
{
    private const BindingFlags Hidden =
        BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance;

    private static Assembly Engine => typeof(PowerShell).Assembly;

    /// <summary>Serve PowerShell's remoting protocol over the standard streams until they close.</summary>
    internal static void RunServer(string? initialCommand)
    {
        MethodInfo run = Engine
            .GetType("System.Management.Automation.Remoting.Server.StdIOProcessMediator", throwOnError: true)!
            .GetMethod("Run", Hidden)
            ?? throw new MissingMethodException("StdIOProcessMediator", "Run");
        ParameterInfo[] parameters = run.GetParameters();
        var values = new object?[parameters.Length];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = parameters[i].Name switch
            {
                "initialCommand" => initialCommand,
                "combineErrOutStream" => false,
                _ => null,
            };
        }

        run.Invoke(null, BindingFlags.DoNotWrapExceptions, null, values, null);
    }

    /// <summary>Initialize on other threads what every session needs. It only saves time.</summary>
    internal static void WarmUp() =>
        Engine.GetType("System.Management.Automation.Runspaces.EarlyStartup")
            ?.GetMethod("Init", Hidden)
            ?.Invoke(null, null);

    /// <summary>Name the runspace whose end is the end of the session (PowerShell.Exiting).</summary>
    internal static void SetPrimary(Runspace runspace) =>
        Property(typeof(Runspace), "PrimaryRunspace").SetValue(null, runspace);

    /// <summary>
    /// Make <c>exit</c> in the next script end the session with its code, instead of only that
    /// script: what -File means.
    /// </summary>
    internal static void LetScriptExit(Runspace runspace)
    {
        object context = Property(typeof(Runspace), "ExecutionContext").GetValue(runspace)!;
        Property(context.GetType(), "ScriptCommandProcessorShouldRethrowExit").SetValue(context, true);
    }

    /// <summary>Wrap an error so that Out-Default shows it as one, and not as a value.</summary>
    internal static PSObject AsErrorOutput(ErrorRecord error)
    {
        var wrapped = new PSObject(error);
        PropertyInfo stream = Property(typeof(PSObject), "WriteStream");
        stream.SetValue(wrapped, Enum.Parse(stream.PropertyType, "Error"));
        return wrapped;
    }

    private static PropertyInfo Property(Type type, string name) =>
        type.GetProperty(name, Hidden | BindingFlags.DeclaredOnly)
        ?? throw new MissingMemberException(type.FullName, name);
}
