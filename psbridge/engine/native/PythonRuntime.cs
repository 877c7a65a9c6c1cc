using System;
using System.Linq;
using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.CompilerServices;

namespace PSBridge;

/// <summary>pythonnet's .NET half, where Python has started .NET.</summary>
public static class PythonRuntime
{
    /// <summary>Have it take text as it is, and each error, whatever happens, and types from any thread.</summary>
    /// <param name="functions">The addresses of CPython's functions and classes: two for <see cref="PythonText"/>,
    /// two for <see cref="KnownTypes"/>, then those of <see cref="PythonErrorText"/>.</param>
    /// <returns>Whether it does all of it.</returns>
    public static bool Mend(long[] functions) =>
        functions.Length == 15
        && PythonText.Keep(functions[0], functions[1])
        && KnownTypes.Keep(functions[2..4])
        && PythonErrorText.Keep(functions[4..]);

    /// <summary>Have it take declarations of classes from any thread; it has begun.</summary>
    /// <returns>Whether it does.</returns>
    public static bool MendDeclaring() => KnownTypes.KeepDeclaring();

    /// <summary>The same, called by .NET's host when pythonnet has been loaded and not begun.</summary>
    /// <remarks>
    /// So it is where this assembly has been compiled before; otherwise the other one is called right
    /// after it has been compiled, see <see cref="Replace"/>.
    /// </remarks>
    /// <param name="data">The addresses.</param>
    /// <param name="size">Their size in bytes.</param>
    /// <returns>0 where it is mended.</returns>
    public static unsafe int MendFromStart(nint data, int size)
    {
        try
        {
            long[] functions = new ReadOnlySpan<long>((void*)data, size / sizeof(long)).ToArray();
            return FindFunctions() && Mend(functions) ? 0 : 1;
        }
        catch (Exception)
        {
            return 1; // pythonnet is about to say it better
        }
    }

    /// <summary>Let it see that Python is being finalized, where it looks for that in vain.</summary>
    /// <remarks>
    /// pythonnet 3.2 frees objects while Python is finalized if `_Py_IsFinalizing` says so, and
    /// throws otherwise, which aborts the process. CPython 3.13 has renamed the function to
    /// `Py_IsFinalizing`, with the same meaning; a pythonnet that does not find the old name does
    /// without.
    /// </remarks>
    /// <param name="isFinalizing">The address of CPython's `Py_IsFinalizing`.</param>
    /// <returns>Whether it sees it now; false where another version keeps no such field.</returns>
    public static bool SeeFinalizing(long isFinalizing) => Replace("_Py_IsFinalizing", (nint)isFinalizing);

    /// <summary>Have it call something else in place of a function of CPython's.</summary>
    /// <remarks>
    /// The address is written where pythonnet keeps it. The field is read-only: reflection respects
    /// that, code made at run time does not. The JIT takes such a field for a constant in what it
    /// compiles with all optimizations: in the background after thirty calls and a tenth of a second
    /// without anything new, or at once where a user has turned tiered compilation off. So this is
    /// for the time before pythonnet begins. In the process that compiles this assembly it comes some
    /// seconds after it has begun, so there that tenth is twenty seconds (see `loading.py`).
    /// </remarks>
    /// <param name="name">The function's name.</param>
    /// <param name="address">What is to be called.</param>
    /// <returns>Whether it is; false where another version keeps no such field.</returns>
    internal static bool Replace(string name, nint address)
    {
        FieldInfo? field = FindField("Runtime+Delegates", $"<{name}>k__BackingField");
        if (field == null)
        {
            return false;
        }

        Write(field, address);
        return true;
    }

    /// <summary>Write to a static field of its, read-only or not; see <see cref="Replace"/>.</summary>
    /// <param name="field">The field.</param>
    /// <param name="value">What it is to hold.</param>
    internal static void Write<T>(FieldInfo field, T value)
    {
        DynamicMethod set = new($"Write{field.Name}", null, [typeof(T)], field.Module, skipVisibility: true);
        ILGenerator code = set.GetILGenerator();
        code.Emit(OpCodes.Ldarg_0);
        if (!typeof(T).IsValueType)
        {
            code.Emit(OpCodes.Castclass, field.FieldType);
        }

        code.Emit(OpCodes.Stsfld, field);
        code.Emit(OpCodes.Ret);
        set.CreateDelegate<Action<T>>()(value);
    }

    /// <summary>A static field of its that is not public.</summary>
    /// <param name="type">The name of the field's type in pythonnet's namespace.</param>
    /// <param name="name">The field's.</param>
    /// <returns>It; null where another version has none of the name.</returns>
    internal static FieldInfo? FindField(string type, string name) => Assembly()?
        .GetType($"Python.Runtime.{type}")?
        .GetField(name, BindingFlags.NonPublic | BindingFlags.Static);

    /// <summary>Let it look for CPython's functions now; it has been loaded and has not begun.</summary>
    /// <returns>Whether it has found them.</returns>
    private static bool FindFunctions()
    {
        Type? runtime = Assembly()?.GetType("Python.Runtime.Runtime");
        Type? functions = runtime?.GetNestedType("Delegates", BindingFlags.NonPublic);
        if (functions == null)
        {
            return false;
        }

        // In the process itself, where they are: what it does itself when it begins.
        runtime!.GetProperty("PythonDLL", BindingFlags.Public | BindingFlags.Static)?.SetValue(null, null);
        RuntimeHelpers.RunClassConstructor(functions.TypeHandle);
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

    /// <summary>What makes Python's object of one of .NET's, with the GIL held.</summary>
    /// <returns>Gives pythonnet's own reference to it; null where another version has no such method.</returns>
    internal static Func<object?, IDisposable>? FindConverter() => Assembly()?
        .GetType("Python.Runtime.ConverterExtension")?
        .GetMethod("ToPython", BindingFlags.Public | BindingFlags.Static)?
        .CreateDelegate<Func<object?, IDisposable>>();

    /// <summary>What says where the object of such a reference is.</summary>
    /// <returns>Gives its address; null where another version does not say it.</returns>
    internal static Func<IDisposable, nint>? FindAddress()
    {
        PropertyInfo? address = Assembly()?.GetType("Python.Runtime.PyObject")?.GetProperty("Handle");
        return address is null ? null : made => (nint)address.GetValue(made)!;
    }

    // pythonnet lets go of the GIL while it calls a method of .NET's.
    private static IDisposable? TakeGil() => (IDisposable?)Assembly()?
        .GetType("Python.Runtime.Py")?
        .GetMethod("GIL", BindingFlags.Public | BindingFlags.Static)?
        .Invoke(null, null);

    private static Assembly? Assembly() =>
        AppDomain.CurrentDomain.GetAssemblies().FirstOrDefault(a => a.GetName().Name == "Python.Runtime");
}
