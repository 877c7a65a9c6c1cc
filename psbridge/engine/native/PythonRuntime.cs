using System;
using System.Reflection;

namespace PSBridge;

/// <summary>pythonnet's .NET half, where Python has started .NET.</summary>
public static class PythonRuntime
{
    /// <summary>Keep it from taking itself down when .NET says that the process exits.</summary>
    /// <remarks>
    /// It would free its types, which threads of Python's still use where `[Environment]::Exit` or
    /// a signal ends the process, and take the GIL of a Python that may be gone. The method is not
    /// public: where another version has none of this name, there is nothing to take away.
    /// </remarks>
    public static void IgnoreProcessExit()
    {
        foreach (Assembly assembly in AppDomain.CurrentDomain.GetAssemblies())
        {
            if (assembly.GetName().Name != "Python.Runtime")
            {
                continue;
            }

            MethodInfo? handler = assembly
                .GetType("Python.Runtime.PythonEngine")?
                .GetMethod("OnProcessExit", BindingFlags.NonPublic | BindingFlags.Static);
            if (handler != null)
            {
                AppDomain.CurrentDomain.ProcessExit -= handler.CreateDelegate<EventHandler>();
            }
        }
    }
}
