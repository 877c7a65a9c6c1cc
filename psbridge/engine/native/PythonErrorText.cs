using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PSBridge;

/// <summary>The text of an error, which pythonnet asks for wherever a call of Python's fails.</summary>
/// <remarks>
/// pythonnet makes a .NET exception of each error of Python's, with the help of Python: it calls a
/// class and asks for the error's text. Where that fails it makes an exception of this failure, and where
/// it does so in a call that comes from Python nobody catches that: the process aborts. It fails
/// <list type="bullet">
/// <item>at Python's recursion limit, where it raises RecursionError again and again. Recursion that has no
/// end and calls .NET did that, in each second call;</item>
/// <item>where a signal has come: CPython calls the handlers before it makes a text, and that raises what
/// they raise, such as KeyboardInterrupt. To find the overload of a method that is meant pythonnet tries
/// conversions, and asks for the text of each failure: of the Ctrl-C that came while a loop called
/// <c>WaitOne(0)</c> one in some thousand aborted;</item>
/// <item>where the error's own <c>__str__</c> raises.</item>
/// </list>
/// Guarantee: an error has a text there. What a signal handler has raised comes in the main thread, at the
/// next place where CPython looks for signals. In place of the class stands `dict`, which CPython makes
/// without counting the call.
///
/// Assumption: pythonnet calls this with the GIL held. Nothing here throws.
///
/// Rejected: a higher limit while an error is converted. The limit belongs to all threads, and
/// pythonnet says when it begins and not when it has ended.
/// </remarks>
internal static unsafe class PythonErrorText
{
    private static delegate* unmanaged[Cdecl]<nint, nint> s_str;
    private static delegate* unmanaged[Cdecl]<nint, nint, int> s_matches;
    private static delegate* unmanaged[Cdecl]<void> s_clear;
    private static delegate* unmanaged[Cdecl]<byte*, nint> s_fromText;
    private static delegate* unmanaged[Cdecl]<nint, int> s_matchesCurrent;
    private static delegate* unmanaged[Cdecl]<nint*, nint*, nint*, void> s_fetch;
    private static delegate* unmanaged[Cdecl]<nint, nint, nint, void> s_restore;
    private static delegate* unmanaged[Cdecl]<nint, void> s_release;
    private static delegate* unmanaged[Cdecl]<nint, nint, int> s_callLater;
    private static nint s_recursionError;
    private static nint s_baseException;

    /// <summary>Let an error have a text, whatever happens.</summary>
    /// <param name="functions">The addresses of CPython's `PyObject_Str`, `PyErr_GivenExceptionMatches`,
    /// `PyErr_ExceptionMatches`, `PyErr_Clear`, `PyUnicode_FromString`, `PyErr_Fetch`, `PyErr_Restore`,
    /// `Py_DecRef` and `Py_AddPendingCall`, and those of the classes RecursionError and BaseException.</param>
    /// <returns>Whether it has; false where another version of pythonnet keeps no such field.</returns>
    internal static bool Keep(long[] functions)
    {
        s_str = (delegate* unmanaged[Cdecl]<nint, nint>)functions[0];
        s_matches = (delegate* unmanaged[Cdecl]<nint, nint, int>)functions[1];
        s_matchesCurrent = (delegate* unmanaged[Cdecl]<nint, int>)functions[2];
        s_clear = (delegate* unmanaged[Cdecl]<void>)functions[3];
        s_fromText = (delegate* unmanaged[Cdecl]<byte*, nint>)functions[4];
        s_fetch = (delegate* unmanaged[Cdecl]<nint*, nint*, nint*, void>)functions[5];
        s_restore = (delegate* unmanaged[Cdecl]<nint, nint, nint, void>)functions[6];
        s_release = (delegate* unmanaged[Cdecl]<nint, void>)functions[7];
        s_callLater = (delegate* unmanaged[Cdecl]<nint, nint, int>)functions[8];
        (s_recursionError, s_baseException) = ((nint)functions[9], (nint)functions[10]);
        return PythonRuntime.Replace("PyObject_Str", (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Str);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Str(nint value)
    {
        nint text = s_str(value);
        if (text != 0 || s_matches(value, s_baseException) == 0)
        {
            return text;
        }

        if (s_matchesCurrent(s_recursionError) != 0)
        {
            s_clear();
            return s_fromText(Constant("maximum recursion depth exceeded"u8));
        }

        nint* raised = (nint*)NativeMemory.Alloc(3, (nuint)sizeof(nint));
        s_fetch(raised, raised + 1, raised + 2);
        text = s_str(value);
        if (text != 0)
        {
            // So it was a handler: signals that have come are dealt with now.
            if (s_callLater((nint)(delegate* unmanaged[Cdecl]<nint, int>)&Raise, (nint)raised) == 0)
            {
                return text;
            }
        }
        else
        {
            s_clear();
            text = s_fromText(Constant("an error that has no text"u8));
        }

        for (int i = 0; i < 3; i++)
        {
            s_release(raised[i]);
        }

        NativeMemory.Free(raised);
        return text;
    }

    // What CPython calls in the main thread.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Raise(nint kept)
    {
        nint* raised = (nint*)kept;
        s_restore(raised[0], raised[1], raised[2]);
        NativeMemory.Free(raised);
        return -1;
    }

    // A literal of this kind lies in the assembly's image, which does not move, and ends with a 0.
    private static byte* Constant(System.ReadOnlySpan<byte> literal) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));
}
