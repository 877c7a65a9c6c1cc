using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Text;

namespace PSBridge;

/// <summary>Many values for Python in one piece: written here as a pickle, which Python reads at once.</summary>
/// <remarks>
/// From Python each look at an object costs a microsecond or more, and a value of a record several. What is
/// plain (null, Boolean, numbers, text), and records of what is plain, are written here. Everything else is
/// an item of <see cref="GetRest"/>, to which the pickle refers by its number ("persistent id"), and Python
/// converts it as it does a single one. A record that holds a record, a list or a dictionary is such an item
/// as a whole: what contains itself is found there.
/// </remarks>
public sealed class ValueBatch
{
    private const byte Mark = (byte)'(';
    private const int Head = 11;
    private const int Step = 1000; // how many are put into the list at a time, as Python's own do

    // Throws on half of a surrogate pair, which UTF-8 does not have.
    private static readonly UTF8Encoding s_utf8 = new(false, true);

    private readonly ArrayBufferWriter<byte> _data = new(4096);
    private readonly List<object?> _rest = [];
    private readonly CustomRecord _records = new();
    private readonly Dictionary<string, int> _memo = new(StringComparer.Ordinal);
    private readonly string _module;

    /// <summary>Write values.</summary>
    /// <param name="items">The values.</param>
    /// <param name="module">The Python module of `CustomObject` and `made_of`.</param>
    public ValueBatch(object?[] items, string module)
    {
        _module = module;
        Write((byte)']');
        for (int i = 0; i < items.Length;)
        {
            int end = Math.Min(items.Length, i + Step);
            Write(Mark);
            for (; i < end; i++)
            {
                WriteItem(items[i]);
            }

            Write((byte)'e');
        }

        Write((byte)'.');
    }

    /// <summary>The pickle of a list.</summary>
    /// <returns>Its bytes, in one frame: without one Python asks for them a few at a time.</returns>
    public byte[] GetData()
    {
        byte[] data = new byte[Head + _data.WrittenCount];
        ReadOnlySpan<byte> start = [0x80, 4, 0x95];
        start.CopyTo(data);
        BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(start.Length), _data.WrittenCount);
        _data.WrittenSpan.CopyTo(data.AsSpan(Head));
        return data;
    }

    /// <summary>What the pickle refers to by its number.</summary>
    /// <returns>The values.</returns>
    public object?[] GetRest() => [.. _rest];

    private void WriteItem(object? item)
    {
        if (item is PSObject { BaseObject: PSCustomObject } record)
        {
            if (record == AutomationNull.Value)
            {
                Write((byte)'N');
            }
            else if (_records.ReadNext(record) is { Length: > 1 } found && IsPlain(found))
            {
                WriteRecord(found);
            }
            else
            {
                Refer(item);
            }
        }
        else
        {
            WriteValue(item);
        }
    }

    private static bool IsPlain(object?[] record)
    {
        for (int i = 3; i < record.Length; i += 2)
        {
            object? value = record[i] is PSObject wrapped ? wrapped.BaseObject : record[i];
            if (value is PSCustomObject or IList or IDictionary)
            {
                return false;
            }
        }

        return true;
    }

    private void WriteRecord(object?[] record)
    {
        bool isUsual = record[0] is null && record[1] is null;
        WriteGlobal(isUsual ? "CustomObject" : "made_of");
        Write((byte)'}', Mark);
        for (int i = 2; i < record.Length; i += 2)
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
        WriteInt(_rest.Count);
        Write((byte)'Q');
        _rest.Add(value);
    }

    private void WriteGlobal(string name)
    {
        if (!TryRecall("." + name))
        {
            WriteName(_module);
            WriteName(name);
            Write(0x93, 0x94);
            _memo.Add("." + name, _memo.Count);
        }
    }

    // A text that comes again and again.
    private void WriteName(string name)
    {
        if (TryRecall(name))
        {
            return;
        }

        if (WriteText(name, name))
        {
            Write(0x94);
            _memo.Add(name, _memo.Count);
        }
    }

    private bool TryRecall(string name)
    {
        if (!_memo.TryGetValue(name, out int index))
        {
            return false;
        }

        Span<byte> span = _data.GetSpan(5);
        span[0] = (byte)'j';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], index);
        _data.Advance(5);
        return true;
    }

    private bool WriteText(string text, object? value)
    {
        Span<byte> span = _data.GetSpan((text.Length * 3) + 5);
        int length;
        try
        {
            length = s_utf8.GetBytes(text, span[5..]);
        }
        catch (EncoderFallbackException)
        {
            Refer(value);
            return false;
        }

        span[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], length);
        _data.Advance(length + 5);
        return true;
    }

    private void WriteInt(int number)
    {
        Span<byte> span = _data.GetSpan(5);
        span[0] = (byte)'J';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], number);
        _data.Advance(5);
    }

    private void WriteLong(long number)
    {
        Span<byte> span = _data.GetSpan(10);
        span[0] = 0x8a;
        span[1] = 8;
        BinaryPrimitives.WriteInt64LittleEndian(span[2..], number);
        _data.Advance(10);
    }

    private void WriteDouble(double number)
    {
        Span<byte> span = _data.GetSpan(9);
        span[0] = (byte)'G';
        BinaryPrimitives.WriteDoubleBigEndian(span[1..], number);
        _data.Advance(9);
    }

    private void Write(params ReadOnlySpan<byte> bytes) => _data.Write(bytes);
}
