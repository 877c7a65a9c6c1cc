using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace PSBridge;

/// <summary>What pythonnet does where Python meets a type of .NET's for the first time.</summary>
/// <remarks>
/// pythonnet makes a Python class of each such type, and a .NET type of each Python class that is declared
/// with a namespace. It does so under locks of .NET's, which it takes with the GIL. The thread that has such
/// a lock may lose the GIL: CPython collects its garbage meanwhile, calls the callback of a weak reference or
/// a `__del__`, imports a module. Another thread that needs the lock then waits for it with the GIL, for
/// which the first one waits: both wait for ever, and all of Python with them.
///
/// Guarantee: no thread waits with the GIL for one of these locks.
///
/// How: <list type="bullet">
/// <item>before it takes a lock for a Python class, pythonnet looks into its dictionary of those it has.
/// We give that a comparer, which finds out whether another thread has the lock; if so, and if the type is
/// new, it waits without the GIL until the lock is free. pythonnet keeps the GIL from there to the lock, and
/// whoever has the lock without the GIL then is a comparer that is about to give it back;</item>
/// <item>pythonnet does not keep the GIL from anywhere to the lock for declared classes. So these are declared
/// under a lock of ours, which a thread takes without the GIL where it is not free.</item>
/// </list>
///
/// Assumptions: pythonnet has the GIL where it calls what is here. Under its other locks (overloads,
/// delegates, codecs, paths of assemblies) no code of Python's runs. No `__del__` and no callback of a weak
/// reference waits for a lock under which somebody meets a new type.
///
/// Rejected: to meet all types early, from one thread, for it takes time, and those of authors are not known
/// then. To turn Python's garbage collector off meanwhile, for callbacks run without it.
/// </remarks>
internal static unsafe class KnownTypes
{
    private static readonly object s_declaring = new();
    private static delegate* unmanaged[Cdecl]<nint> s_releaseGil;
    private static delegate* unmanaged[Cdecl]<nint, void> s_takeGil;
    private static delegate* unmanaged[Cdecl]<nint, nint, nint, nint> s_declare;

    /// <summary>Let no thread wait with the GIL to meet a type.</summary>
    /// <param name="functions">The addresses of CPython's `PyEval_SaveThread` and `PyEval_RestoreThread`.</param>
    /// <returns>Whether none does; false where another version keeps its classes elsewhere.</returns>
    internal static bool Keep(long[] functions)
    {
        s_releaseGil = (delegate* unmanaged[Cdecl]<nint>)functions[0];
        s_takeGil = (delegate* unmanaged[Cdecl]<nint, void>)functions[1];
        return GuardClasses("ClassManager") && GuardClasses("TypeManager");
    }

    /// <summary>Let no thread wait with the GIL to declare a class; pythonnet has begun.</summary>
    /// <returns>Whether none does; false where another version lays its classes out differently.</returns>
    internal static bool KeepDeclaring()
    {
        object? at = PythonRuntime.FindField("TypeOffset", "<tp_new>k__BackingField")?.GetValue(null);
        object? metaclass = PythonRuntime.FindField("Runtime", "PyCLRMetaType")?.GetValue(null);
        if (at is not int offset || metaclass is null || PythonRuntime.FindAddress() is not { } find)
        {
            return false;
        }

        if (s_declare == null)
        {
            nint* slot = (nint*)(find((IDisposable)metaclass) + offset);
            s_declare = (delegate* unmanaged[Cdecl]<nint, nint, nint, nint>)(*slot);
            *slot = (nint)(delegate* unmanaged[Cdecl]<nint, nint, nint, nint>)&Declare;
        }

        return true;
    }

    /// <summary>Take a lock, with the GIL before and after it and without while it is another thread's.</summary>
    private static void Enter(object entered)
    {
        if (!Monitor.TryEnter(entered))
        {
            nint state = s_releaseGil();
            Monitor.Enter(entered);
            s_takeGil(state);
        }
    }

    /// <summary>Wait without the GIL until a lock is free.</summary>
    internal static void WaitUntilFree(object awaited)
    {
        do
        {
            nint state = s_releaseGil();
            Monitor.Enter(awaited);
            Monitor.Exit(awaited); // before the GIL, for which one has to wait
            s_takeGil(state);
        }
        while (!IsFree(awaited));
    }

    /// <summary>Whether this thread has a lock or would get it at once.</summary>
    internal static bool IsFree(object asked)
    {
        bool isFree = Monitor.TryEnter(asked);
        if (isFree)
        {
            Monitor.Exit(asked);
        }

        return isFree;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Declare(nint metaclass, nint arguments, nint named)
    {
        Enter(s_declaring);
        try
        {
            return s_declare(metaclass, arguments, named);
        }
        finally
        {
            Monitor.Exit(s_declaring);
        }
    }

    private static bool GuardClasses(string keeper)
    {
        FieldInfo? classes = PythonRuntime.FindField(keeper, "cache");
        object? known = classes?.GetValue(null);
        object? making = PythonRuntime.FindField(keeper, "_cacheCreateLock")?.GetValue(null);
        Type? kind = known?.GetType();
        if (making is null || kind is not { IsGenericType: true }
            || kind.GetGenericTypeDefinition() != typeof(ConcurrentDictionary<,>))
        {
            return false;
        }

        // The types of the keys and values are not public.
        Type comparer = typeof(Meeting<,>).MakeGenericType(kind.GenericTypeArguments);
        MethodInfo guard = comparer.GetMethod(nameof(Meeting<int, int>.Guard))!;
        lock (making) // under which classes are added
        {
            PythonRuntime.Write(classes!, guard.Invoke(null, [known, making])!);
        }

        return true;
    }
}

/// <summary>A look for the Python class of a type; see <see cref="KnownTypes"/>.</summary>
/// <typeparam name="TType">How pythonnet names a type.</typeparam>
/// <typeparam name="TClass">How it names its Python class.</typeparam>
internal sealed class Meeting<TType, TClass> : IEqualityComparer<TType>
    where TType : notnull
{
    [ThreadStatic]
    private static bool t_isAsking;

    private readonly object _making;
    private readonly ConcurrentDictionary<TType, TClass> _known;

    private Meeting(object making, ConcurrentDictionary<TType, TClass> known)
    {
        _making = making;
        _known = new(known, this);
    }

    /// <summary>The same dictionary, with a comparer of this kind.</summary>
    /// <param name="known">The classes so far.</param>
    /// <param name="making">The lock under which a class is made.</param>
    public static object Guard(ConcurrentDictionary<TType, TClass> known, object making) =>
        new Meeting<TType, TClass>(making, known)._known;

    /// <inheritdoc/>
    public bool Equals(TType? first, TType? second) => EqualityComparer<TType>.Default.Equals(first, second);

    /// <inheritdoc/>
    public int GetHashCode(TType type)
    {
        if (!t_isAsking && !KnownTypes.IsFree(_making) && !IsKnown(type))
        {
            KnownTypes.WaitUntilFree(_making);
        }

        return EqualityComparer<TType>.Default.GetHashCode(type);
    }

    private bool IsKnown(TType type)
    {
        t_isAsking = true;
        bool isKnown = _known.ContainsKey(type);
        t_isAsking = false;
        return isKnown;
    }
}
