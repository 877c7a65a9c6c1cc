using System;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;

namespace PSBridge;

/// <summary>pythonnet's .NET half, where Python has started .NET.</summary>
public static class PythonRuntime
{
    /// <summary>Let it see that Python is being finalized, where it looks for that in vain.</summary>
    /// <remarks>
    /// pythonnet 3.2 frees objects while Python is finalized if `_Py_IsFinalizing` says so, and
    /// throws otherwise, which aborts the process. CPython 3.13 has renamed the function to
    /// `Py_IsFinalizing`, with the same meaning; a pythonnet that does not find the old name does
    /// without. So the address is written where pythonnet keeps it. The field is read-only:
    /// reflection respects that, code made at run time does not. The JIT may take such a field for
    /// a constant in what it compiles a second time, in the background, after thirty calls; this
    /// comes right after the start, when nothing has been freed so often.
    /// </remarks>
    /// <param name="isFinalizing">The address of CPython's `Py_IsFinalizing`.</param>
    /// <returns>Whether it sees it now; false where another version keeps no such field.</returns>
    public static bool SeeFinalizing(long isFinalizing)
    {
        FieldInfo? field = Assembly()?
            .GetType("Python.Runtime.Runtime+Delegates")?
            .GetField("<_Py_IsFinalizing>k__BackingField", BindingFlags.NonPublic | BindingFlags.Static);
        if (field == null)
        {
            return false;
        }

        DynamicMethod set = new("SeeFinalizing", null, [typeof(nint)], field.Module, skipVisibility: true);
        ILGenerator code = set.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        code.Emit(OpCodes.Stsfld, field);
        code.Emit(OpCodes.Ret);
        set.CreateDelegate<Action<nint>>()((nint)isFinalizing);
        return true;
    }

    /// <summary>Let it import now what it imports when a call fails.</summary>
    /// <remarks>
    /// It turns Python's errors into .NET's with the help of a module that it imports once. Where
    /// a `__del__` calls .NET while Python is finalized, nothing can be imported any more, and the
    /// failed import is such an error again: the stack overflows.
    /// </remarks>
    public static void ImportNow()
    {
        using IDisposable? gil = TakeGil();
        Assembly()?
            .GetType("Python.Runtime.Runtime")?
            .GetProperty("InteropModule", BindingFlags.NonPublic | BindingFlags.Static)?
            .GetValue(null);
    }

    /// <summary>Keep it from taking itself down when .NET says that the process exits.</summary>
    /// <remarks>
    /// It would free its types, which threads of Python's still use where `[Environment]::Exit` or
    /// a signal ends the process, and take the GIL of a Python that may be gone. The method is not
    /// public: where another version has none of this name, there is nothing to take away.
    /// </remarks>
    public static void IgnoreProcessExit()
    {
        MethodInfo? handler = Assembly()?
            .GetType("Python.Runtime.PythonEngine")?
            .GetMethod("OnProcessExit", BindingFlags.NonPublic | BindingFlags.Static);
        if (handler != null)
        {
            AppDomain.CurrentDomain.ProcessExit -= handler.CreateDelegate<EventHandler>();
        }
    }

    /// <summary>Run a statement of Python's, where Python can still be called.</summary>
    /// <param name="code">The statement; it must not raise.</param>
    public static void Run(string code) => Border.TryCall(() =>
    {
        using IDisposable? gil = TakeGil();
        Assembly()?
            .GetType("Python.Runtime.PythonEngine")?
            .GetMethod("Exec", BindingFlags.Public | BindingFlags.Static)?
            .Invoke(null, [code, null, null]);
    });

    // pythonnet lets go of the GIL while it calls a method of .NET's.
    private static IDisposable? TakeGil() => (IDisposable?)Assembly()?
        .GetType("Python.Runtime.Py")?
        .GetMethod("GIL", BindingFlags.Public | BindingFlags.Static)?
        .Invoke(null, null);

    private static Assembly? Assembly() =>
        AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(a => a.GetName().Name == "Python.Runtime");
}
