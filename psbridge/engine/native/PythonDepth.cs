using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PSBridge;

/// <summary>pythonnet where Python's recursion limit has been reached.</summary>
/// <remarks>
/// pythonnet makes a .NET exception of each error of Python's, with the help of Python: it calls a
/// class and asks for the error's text. At the limit both raise RecursionError, which is to become
/// an exception as well, and so on until the native stack is full and the process aborts. Recursion
/// that has no end and calls .NET did that, in each second call.
///
/// Guarantee: an error becomes an exception there with no further call of Python's. Its text is given
/// here; in place of the class stands `dict`, which CPython makes without counting the call.
///
/// Assumption: pythonnet calls this with the GIL held. Nothing here throws.
///
/// Rejected: a higher limit while an error is converted. The limit belongs to all threads, and
/// pythonnet says when it begins and not when it has ended.
/// </remarks>
internal static unsafe class PythonDepth
{
    private static delegate* unmanaged[Cdecl]<nint, nint> s_str;
    private static delegate* unmanaged[Cdecl]<nint, nint, int> s_matches;
    private static delegate* unmanaged[Cdecl]<void> s_clear;
    private static delegate* unmanaged[Cdecl]<byte*, nint> s_fromText;
    private static delegate* unmanaged[Cdecl]<nint, int> s_matchesCurrent;
    private static nint s_recursionError;
    private static nint s_baseException;

    /// <summary>Let an error have a text at the limit.</summary>
    /// <param name="str">The address of CPython's `PyObject_Str`.</param>
    /// <param name="matches">The address of `PyErr_GivenExceptionMatches`.</param>
    /// <param name="matchesCurrent">The address of `PyErr_ExceptionMatches`.</param>
    /// <param name="clear">The address of `PyErr_Clear`.</param>
    /// <param name="fromText">The address of `PyUnicode_FromString`.</param>
    /// <param name="recursionError">The class `RecursionError` itself.</param>
    /// <param name="baseException">The class `BaseException` itself.</param>
    /// <returns>Whether it has; false where another version of pythonnet keeps no such field.</returns>
    internal static bool Keep(
        long str,
        long matches,
        long matchesCurrent,
        long clear,
        long fromText,
        long recursionError,
        long baseException)
    {
        s_str = (delegate* unmanaged[Cdecl]<nint, nint>)str;
        s_matches = (delegate* unmanaged[Cdecl]<nint, nint, int>)matches;
        s_matchesCurrent = (delegate* unmanaged[Cdecl]<nint, int>)matchesCurrent;
        s_clear = (delegate* unmanaged[Cdecl]<void>)clear;
        s_fromText = (delegate* unmanaged[Cdecl]<byte*, nint>)fromText;
        s_recursionError = (nint)recursionError;
        s_baseException = (nint)baseException;
        return PythonRuntime.Replace("PyObject_Str", (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Str);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Str(nint value)
    {
        nint text = s_str(value);
        if (text != 0 || s_matches(value, s_baseException) == 0 || s_matchesCurrent(s_recursionError) == 0)
        {
            return text;
        }

        s_clear();
        return s_fromText(Constant("maximum recursion depth exceeded"u8));
    }

    // A literal of this kind lies in the assembly's image, which does not move, and ends with a 0.
    private static byte* Constant(ReadOnlySpan<byte> literal) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));
}
