using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Unicode;
using System.Threading.Tasks;

namespace PSBridge;

/// <summary>Many values for Python in one piece: written here as a pickle, which Python reads at once.</summary>
/// <remarks>
/// From Python each look at an object costs a microsecond or more, and a value of a record several. What is
/// plain (null, Boolean, numbers, text), and records of what is plain, are written here. Everything else is
/// an item of <see cref="GetRest"/>, to which the pickle refers by its number ("persistent id"), and Python
/// converts it as it does a single one. A record that holds a record, a list or a dictionary is such an item
/// as a whole: what contains itself is found there.
///
/// What is done for each value is optimized from the start: .NET would get to that after some ten thousand.
///
/// Of many values a piece is written on a thread of .NET's while Python reads the one before. To read a record
/// may run code, and so may what Python converts: that waits until all is written. Inside a pipeline all is done
/// on its thread, for that has the runspace in which such code runs.
/// </remarks>
public sealed class ValueBatch
{
    private const byte Mark = (byte)'(';
    private const int Head = 11;
    private const int Step = 1000; // how many are put into the list at a time, as Python's own do
    private const int Piece = 500; // smaller than a processor's cache
    private const int Guess = 64; // bytes for each

    private readonly List<object?> _rest = [];
    private readonly CustomRecord _records;
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _globals = new(StringComparer.Ordinal);
    private readonly List<ObjectView> _views = [];
    private readonly string _module;
    private readonly Runspace? _from;
    private readonly string?[] _origins;
    private readonly Func<ValueBatch>? _writeNext;
    private readonly Task<ValueBatch>? _next;
    private bool _isFromElsewhere;
    private byte[] _data;
    private int _at = Head;

    private ValueBatch(object?[] items, int start, string module, Runspace? from, RecordScripts scripts)
    {
        _records = new CustomRecord(from, scripts);
        int stop = Math.Min(items.Length, start + Piece);
        _module = module;
        _from = from;
        _origins = new string?[stop - start];
        _data = new byte[(stop - start) * Guess + Head];
        Write((byte)']');
        for (int i = start; i < stop;)
        {
            int end = Math.Min(stop, i + Step);
            Write(Mark);
            for (; i < end; i++)
            {
                string? origin = WriteItem(items[i]);
                if (origin is not null)
                {
                    _origins[i - start] = origin;
                    _isFromElsewhere = true;
                }
            }

            Write((byte)'e');
        }

        Write((byte)'.');
        if (stop < items.Length)
        {
            _writeNext = () => new ValueBatch(items, stop, module, from, scripts);
            _next = Runspace.DefaultRunspace is null ? Task.Run(_writeNext) : null;
        }
    }

    /// <summary>Write values.</summary>
    /// <param name="items">The values; nobody changes them meanwhile.</param>
    /// <param name="module">The Python module of `CustomObject` and `made_of`.</param>
    /// <param name="from">The runspace that they come from.</param>
    /// <param name="scripts">Where scripts of records run.</param>
    /// <returns>The first piece of them.</returns>
    public static ValueBatch Of(object?[] items, string module, Runspace? from, RecordScripts scripts) =>
        new(items, 0, module, from, scripts);

    /// <summary>The machines that values came from.</summary>
    /// <param name="items">The values.</param>
    /// <returns>A name for each, null where it is of this machine; null where all are.</returns>
    public static string?[]? OriginsOf(object?[] items)
    {
        string?[] origins = [.. items.Select(item => item switch
        {
            PSObject whole => OriginOf(whole),
            ReadRecord read => (string?)read.GetValues()[0],
            _ => null,
        })];
        return Array.Exists(origins, origin => origin is not null) ? origins : null;
    }

    /// <summary>The next piece.</summary>
    /// <returns>It; null where this is the last.</returns>
    public ValueBatch? GetNext() => _next is null ? _writeNext?.Invoke() : _next.GetAwaiter().GetResult();

    /// <summary>The machines that its values came from.</summary>
    /// <returns>A name for each, null where it is of this machine; null where all are.</returns>
    public string?[]? GetOrigins() => _isFromElsewhere ? _origins : null;

    /// <summary>The pickle of a list.</summary>
    /// <returns>Its bytes, in one frame: without one Python asks for them a few at a time.</returns>
    public byte[] GetData()
    {
        ReadOnlySpan<byte> start = [0x80, 4, 0x95];
        start.CopyTo(_data);
        BinaryPrimitives.WriteInt64LittleEndian(_data.AsSpan(start.Length), _at - Head);
        return _data[.._at];
    }

    /// <summary>What the pickle refers to by its number.</summary>
    /// <returns>The values.</returns>
    public object?[] GetRest()
    {
        if (_rest.Count > 0)
        {
            for (Task<ValueBatch>? later = _next; later is not null; later = later.GetAwaiter().GetResult()._next)
            {
            }
        }

        return [.. _rest];
    }

    /// <summary>Whether there are records in <see cref="GetRest"/> for <see cref="CustomRecord.ReadAhead"/>.</summary>
    /// <returns>Whether there are.</returns>
    public bool HasScripts() => _records.HasScripts;

    /// <summary>What the pickle refers to by -1, -2 and so on.</summary>
    /// <returns>Views of objects that Python sees as such.</returns>
    public ObjectView[] GetViews() => [.. _views];

    /// <summary>The handles of these views.</summary>
    /// <returns>Eight bytes for each.</returns>
    public byte[] GetHandles() =>
        MemoryMarshal.AsBytes<long>(_views.Select(view => view.GetHandle()).ToArray()).ToArray();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private string? WriteItem(object? item)
    {
        if (item is not PSObject whole)
        {
            if (item is ReadRecord read)
            {
                Refer(item);
                return (string?)read.GetValues()[0];
            }

            WriteValue(item);
            return null;
        }

        if (whole.BaseObject is not PSCustomObject)
        {
            WriteValue(item);
            return OriginOf(whole);
        }

        if (whole == AutomationNull.Value)
        {
            Write((byte)'N');
            return null;
        }

        if (_records.ReadNext(whole) is not { } found)
        {
            Refer(item);
            return OriginOf(whole);
        }

        if (IsPlain(found))
        {
            WriteRecord(found);
        }
        else
        {
            Refer(item);
        }

        return (string?)found[0];
    }

    // What comes from elsewhere has a property of its own, and so it has come wrapped.
    private static string? OriginOf(PSObject item) =>
        CustomRecord.Find(item, RemotingNotes.Machine)?.Value as string;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IsPlain(List<object?> record)
    {
        for (int i = 3; i < record.Count; i += 2)
        {
            object? value = record[i] is PSObject wrapped ? wrapped.BaseObject : record[i];
            if (value is not (null or string or int or double or bool) && value is PSCustomObject or IList or IDictionary)
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteRecord(List<object?> record)
    {
        bool isUsual = record[0] is null && record[1] is null;
        WriteGlobal(isUsual ? "CustomObject" : "made_of");
        Write((byte)'}', Mark);
        for (int i = 2; i < record.Count; i += 2)
        {
            WriteName((string)record[i]!);
            WriteValue(record[i + 1]);
        }

        Write((byte)'u');
        if (isUsual)
        {
            Write(0x85, (byte)'R');
            return;
        }

        WriteValue(record[0]);
        WriteName((string?)record[1] ?? "");
        Write(0x87, (byte)'R');
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteValue(object? value)
    {
        object? bare = value is PSObject wrapped ? wrapped.BaseObject : value;
        switch (bare)
        {
            case null:
                Write((byte)'N');
                break;
            case bool truth:
                Write(truth ? (byte)0x88 : (byte)0x89);
                break;
            case int when value is PSObject item && RemotedValue.EnumOf(item) is not null:
                Refer(value);
                break;
            case int number:
                WriteInt(number);
                break;
            case string text:
                WriteText(text, value);
                break;
            case double number:
                WriteDouble(number);
                break;
            case long number:
                WriteLong(number);
                break;
            case float number:
                WriteDouble(number);
                break;
            case byte number:
                WriteInt(number);
                break;
            case short number:
                WriteInt(number);
                break;
            case ushort number:
                WriteInt(number);
                break;
            case sbyte number:
                WriteInt(number);
                break;
            case uint number:
                WriteLong(number);
                break;
            default:
                Refer(value);
                break;
        }
    }

    private void Refer(object? value)
    {
        if (value is not null && ObjectView.IsKind((value is PSObject whole ? whole.BaseObject : value).GetType()))
        {
            _views.Add(ObjectView.Of(value, _from));
            WriteInt(-_views.Count);
        }
        else
        {
            WriteInt(_rest.Count);
            _rest.Add(value);
        }

        Write((byte)'Q');
    }

    private void WriteGlobal(string name)
    {
        if (!TryRecall(_globals, name))
        {
            WriteName(_module);
            WriteName(name);
            Write(0x93);
            Remember(_globals, name);
        }
    }

    // A text that comes again and again.
    private void WriteName(string name)
    {
        if (!TryRecall(_names, name) && WriteText(name, name))
        {
            Remember(_names, name);
        }
    }

    // Python counts all that it is to remember.
    private void Remember(Dictionary<string, int> known, string name)
    {
        Write(0x94);
        known.Add(name, _names.Count + _globals.Count);
    }

    private bool TryRecall(Dictionary<string, int> known, string name)
    {
        if (!known.TryGetValue(name, out int index))
        {
            return false;
        }

        Span<byte> span = Take(5);
        span[0] = (byte)'j';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], index);
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool WriteText(string text, object? value)
    {
        Span<byte> span = Take((text.Length * 3) + 5);
        OperationStatus status = Utf8.FromUtf16(text, span[5..], out _, out int length, replaceInvalidSequences: false);
        if (status != OperationStatus.Done)
        {
            _at -= span.Length;
            Refer(value); // half of a surrogate pair, which UTF-8 does not have
            return false;
        }

        span[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], length);
        _at -= span.Length - 5 - length;
        return true;
    }

    private void WriteInt(int number)
    {
        Span<byte> span = Take(5);
        span[0] = (byte)'J';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], number);
    }

    private void WriteLong(long number)
    {
        Span<byte> span = Take(10);
        span[0] = 0x8a;
        span[1] = 8;
        BinaryPrimitives.WriteInt64LittleEndian(span[2..], number);
    }

    private void WriteDouble(double number)
    {
        Span<byte> span = Take(9);
        span[0] = (byte)'G';
        BinaryPrimitives.WriteDoubleBigEndian(span[1..], number);
    }

    private void Write(byte code) => Take(1)[0] = code;

    private void Write(byte first, byte second)
    {
        Write(first);
        Write(second);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<byte> Take(int count)
    {
        if (_data.Length - _at < count)
        {
            Array.Resize(ref _data, checked(Math.Max(2 * _data.Length, _at + count)));
        }

        _at += count;
        return _data.AsSpan(_at - count, count);
    }
}
