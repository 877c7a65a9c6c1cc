using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace PSBridge;

/// <summary>Text across the border, whatever is in it.</summary>
/// <remarks>
/// A text of Python's and one of .NET's may both hold half of a surrogate pair: Python has it where
/// a file's name is no UTF-8, .NET where a text was cut. pythonnet converts with CPython's strict
/// codec, which refuses that. Python's way to .NET then aborts the process in many a place (a
/// delegate's answer, an override, an argument whose overloads are tried), and on the way back
/// anything that has a text may raise UnicodeDecodeError.
///
/// So pythonnet is given these two functions in place of CPython's. They do the same with the error
/// handler `surrogatepass`. Guarantee: each text crosses as it is, wherever pythonnet converts one,
/// for the author's own calls of .NET as well. Halves that have come to stand side by side, the
/// first one first, are a pair from then on, as everywhere in UTF-16.
///
/// Assumption: pythonnet calls both with the GIL held, and reports the error that is set where the
/// answer is null, as it did. Nothing here throws.
///
/// When: see <see cref="PythonRuntime.MendFromStart"/>.
///
/// Rejected: checking each text of ours before it goes. There are hundreds of places, the next one
/// is forgotten, and neither an author's own calls nor the way back are covered.
/// </remarks>
public static unsafe class PythonText
{
    private static delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint> s_encode;
    private static delegate* unmanaged[Cdecl]<nint, nint, byte*, nint, nint> s_decode;

    /// <summary>Let pythonnet take text as it is, both ways.</summary>
    /// <param name="encode">The address of CPython's `PyUnicode_AsEncodedString`.</param>
    /// <param name="decode">The address of CPython's `PyUnicode_DecodeUTF16`.</param>
    /// <returns>Whether it does; false where another version of it keeps no such fields.</returns>
    internal static bool Keep(long encode, long decode)
    {
        s_encode = (delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint>)encode;
        s_decode = (delegate* unmanaged[Cdecl]<nint, nint, byte*, nint, nint>)decode;
        return PythonRuntime.Replace(
                "PyUnicode_AsUTF16String", (nint)(delegate* unmanaged[Cdecl]<nint, nint>)&Encode)
            && PythonRuntime.Replace(
                "PyUnicode_DecodeUTF16", (nint)(delegate* unmanaged[Cdecl]<nint, nint, nint, nint, nint>)&Decode);
    }

    // With a byte order mark, as PyUnicode_AsUTF16String.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Encode(nint text) => s_encode(text, Constant("utf-16"u8), Constant("surrogatepass"u8));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint Decode(nint bytes, nint size, nint errors, nint byteOrder) =>
        s_decode(bytes, size, Constant("surrogatepass"u8), byteOrder);

    // A literal of this kind lies in the assembly's image, which does not move, and ends with a 0.
    private static byte* Constant(ReadOnlySpan<byte> literal) =>
        (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(literal));
}
