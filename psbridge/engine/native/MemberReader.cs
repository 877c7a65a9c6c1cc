using System;
using System.Management.Automation;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace PSBridge;

/// <summary>Reading a member of an object, as a built-in function of Python's.</summary>
/// <remarks>
/// pythonnet takes three microseconds for a call of a method, most members one or less. So this is a function
/// as C modules have them, of two numbers: the handle of an <see cref="ObjectView"/>, and that of a name, which
/// is brought here once. What is plain is made with CPython's own functions. Dates and the like, which Python's
/// library has, and enums are written as a pickle, which takes Python two microseconds to read. Of an object that is
/// no value pythonnet gets its <see cref="ObjectView"/>. It makes all else itself.
///
/// Guarantees: a member is read once for each call, with the GIL let go of, as pythonnet does it for a
/// method. Nothing is thrown into Python: what a member throws is a <see cref="FailedMember"/>.
/// Assumptions: who calls keeps the view, for its handle does not. Python is not being finalized at the end of
/// a call unless it would be for pythonnet's as well. Python code may run inside of it: that of an enum's value, and
/// whatever its garbage collector calls.
///
/// Rejected: calling it through ctypes, which takes half a microsecond for two arguments.
/// Rejected: an answer "there is more to ask for" and a second call that fetches it. A signal handler that
/// reads a member between the two would take the other's.
/// </remarks>
public static unsafe class MemberReader
{
    private const int Guess = 128; // bytes for a value

    private sealed record Pickled(byte[] Data);

    private static readonly Func<object?, IDisposable>? s_convert = PythonRuntime.FindConverter();
    private static readonly Func<IDisposable, nint>? s_addressOf = PythonRuntime.FindAddress();

    private static delegate* unmanaged[Cdecl]<nint> s_letGo;
    private static delegate* unmanaged[Cdecl]<nint, void> s_takeBack;
    private static delegate* unmanaged[Cdecl]<nint, void> s_keep;
    private static delegate* unmanaged[Cdecl]<long, nint> s_fromInt;
    private static delegate* unmanaged[Cdecl]<double, nint> s_fromDouble;
    private static delegate* unmanaged[Cdecl]<int, char*, nint, nint> s_fromText;
    private static delegate* unmanaged[Cdecl]<nint, nint> s_toInt;
    private static delegate* unmanaged[Cdecl]<byte*, nint, nint> s_fromBytes;
    private static delegate* unmanaged[Cdecl]<nint, nint, nint> s_call;
    private static delegate* unmanaged[Cdecl]<nint, void> s_letGoOf;
    private static nint s_loads;
    private static nint s_unread;
    private static nint s_none;
    private static nint s_true;
    private static nint s_false;
    private static string[] s_names = [];
    private static PickleGlobal s_enumValue = new("", "");

    /// <summary>Make it ready.</summary>
    /// <param name="found">The addresses of CPython's functions and objects, in the order of their names here.</param>
    /// <param name="package">The Python package of `enum_value`.</param>
    /// <returns>The function's address; 0 where another version of pythonnet lacks what is needed.</returns>
    public static long Begin(long[] found, string package)
    {
        if (s_convert is null || s_addressOf is null)
        {
            return 0;
        }

        s_letGo = (delegate* unmanaged[Cdecl]<nint>)found[0];
        s_takeBack = (delegate* unmanaged[Cdecl]<nint, void>)found[1];
        s_keep = (delegate* unmanaged[Cdecl]<nint, void>)found[2];
        s_fromInt = (delegate* unmanaged[Cdecl]<long, nint>)found[3];
        s_fromDouble = (delegate* unmanaged[Cdecl]<double, nint>)found[4];
        s_fromText = (delegate* unmanaged[Cdecl]<int, char*, nint, nint>)found[5];
        s_toInt = (delegate* unmanaged[Cdecl]<nint, nint>)found[6];
        s_fromBytes = (delegate* unmanaged[Cdecl]<byte*, nint, nint>)found[7];
        s_call = (delegate* unmanaged[Cdecl]<nint, nint, nint>)found[8];
        s_letGoOf = (delegate* unmanaged[Cdecl]<nint, void>)found[9];
        (s_none, s_true, s_false, s_unread) = ((nint)found[10], (nint)found[11], (nint)found[12], (nint)found[13]);
        s_loads = (nint)found[14];
        s_enumValue = new($"{package}.enum_value", "EnumValue");
        return (nint)(delegate* unmanaged[Cdecl]<nint, nint*, nint, nint>)&Read;
    }

    /// <summary>Bring a name here.</summary>
    /// <param name="name">The name of members; it stays.</param>
    /// <returns>Its number.</returns>
    public static int AddName(string name)
    {
        while (true)
        {
            string[] before = s_names;
            if (Interlocked.CompareExchange(ref s_names, [.. before, name], before) == before)
            {
                return before.Length;
            }
        }
    }

    // What CPython calls METH_FASTCALL.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static nint Read(nint self, nint* arguments, nint count)
    {
        nint view = s_toInt(arguments[0]);
        nint name = s_toInt(arguments[1]);
        if (name < 0)
        {
            return Counted(s_unread);
        }

        nint thread = s_letGo();
        object? found;
        try
        {
            found = Find((ObjectView)GCHandle.FromIntPtr(view).Target!, s_names[name]);
        }
        catch (Exception error)
        {
            found = new FailedMember(error);
        }

        s_takeBack(thread);
        return ToPython(found);
    }

    // As far as it goes without the GIL.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static object? Find(ObjectView view, string name)
    {
        object? found = view.Get(name);
        // What derives from it is an object of its own.
        object? bare = found is PSObject whole && found.GetType() == typeof(PSObject) && IsNoEnum(whole)
            ? whole.BaseObject
            : found;
        if (bare is null or string or bool or int or long or double)
        {
            return bare;
        }

        if (bare is ValueType && !bare.GetType().IsPrimitive)
        {
            PickleWriter pickle = new(Guess);
            if (pickle.TryWriteRare(bare, s_enumValue))
            {
                pickle.End();
                return new Pickled(pickle.GetData());
            }
        }

        return ObjectView.IsKind(bare.GetType()) ? ObjectView.Of(found!, view.GetRunspace()) : found;
    }

    // What comes from another process is a number with the name of an enum on it.
    private static bool IsNoEnum(PSObject whole) =>
        whole.BaseObject is not ValueType || whole.BaseObject is bool or double || RemotedValue.EnumOf(whole) is null;

    private static nint ToPython(object? value)
    {
        switch (value)
        {
            case string text when !text.AsSpan().ContainsAnyInRange('\ud800', '\udfff'):
                fixed (char* letters = text)
                {
                    return s_fromText(sizeof(char), letters, text.Length);
                }

            case null:
                return Counted(s_none);
            case bool truth:
                return Counted(truth ? s_true : s_false);
            case int number:
                return s_fromInt(number);
            case long number:
                return s_fromInt(number);
            case double number:
                return s_fromDouble(number);
            case Pickled pickle:
                return FromPickle(pickle.Data);
            default:
                return Converted(value);
        }
    }

    private static nint FromPickle(byte[] data)
    {
        fixed (byte* start = data)
        {
            nint bytes = s_fromBytes(start, data.Length);
            if (bytes == 0)
            {
                return 0;
            }

            nint made = s_call(s_loads, bytes);
            s_letGoOf(bytes);
            return made;
        }
    }

    private static nint Converted(object value)
    {
        try
        {
            using IDisposable made = s_convert!(value);
            return Counted(s_addressOf!(made));
        }
        catch (Exception)
        {
            return 0; // no memory is left: Python raises an error
        }
    }

    private static nint Counted(nint item)
    {
        s_keep(item);
        return item;
    }
}
