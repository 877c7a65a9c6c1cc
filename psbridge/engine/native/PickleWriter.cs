using System;
using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace PSBridge;

/// <summary>What a module of Python's has under a name; both are plain.</summary>
internal sealed class PickleGlobal(string module, string name)
{
    internal string Module => module;

    internal string Name => name;
}

/// <summary>Writes a pickle of protocol 4, as Python's `pickletools` describes it.</summary>
/// <remarks>
/// What is done for each value is optimized from the start: .NET would get to that after some ten thousand.
/// </remarks>
/// <param name="guess">How many bytes it will have.</param>
internal sealed class PickleWriter(int guess)
{
    private static readonly PickleGlobal s_datetime = new("datetime", "datetime");
    private static readonly PickleGlobal s_timezone = new("datetime", "timezone");
    private static readonly PickleGlobal s_utc = new("datetime", "timezone.utc");
    private static readonly PickleGlobal s_timedelta = new("datetime", "timedelta");
    private static readonly PickleGlobal s_decimal = new("decimal", "Decimal");
    private static readonly PickleGlobal s_uuid = new("uuid", "UUID");

    private const byte Mark = (byte)'(';
    private const byte Reduce = (byte)'R';
    private const int Head = 11;

    // What Python remembers, by the order in which it was told to.
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<object, int> _made = [];
    private int _remembered;

    private byte[] _data = new byte[guess + Head];
    private int _at = Head;

    /// <summary>The pickle, in one frame: without one Python asks for it a few bytes at a time.</summary>
    internal byte[] GetData()
    {
        ReadOnlySpan<byte> start = [0x80, 4, 0x95];
        start.CopyTo(_data);
        BinaryPrimitives.WriteInt64LittleEndian(_data.AsSpan(start.Length), _at - Head);
        return _data[.._at];
    }

    internal void BeginList() => Put((byte)']');

    internal void BeginItems() => Put(Mark);

    internal void EndItems() => Put((byte)'e');

    internal void BeginDictionary() => Put((byte)'}', Mark);

    internal void EndDictionary() => Put((byte)'u');

    internal void End() => Put((byte)'.');

    internal void WriteNone() => Put((byte)'N');

    internal void Write(bool truth) => Put(truth ? (byte)0x88 : (byte)0x89);

    internal void Write(int number)
    {
        Span<byte> span = Take(5);
        span[0] = (byte)'J';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], number);
    }

    internal void Write(long number)
    {
        Span<byte> span = Take(10);
        span[0] = 0x8a;
        span[1] = 8;
        BinaryPrimitives.WriteInt64LittleEndian(span[2..], number);
    }

    internal void Write(double number)
    {
        Span<byte> span = Take(9);
        span[0] = (byte)'G';
        BinaryPrimitives.WriteDoubleBigEndian(span[1..], number);
    }

    internal void Write(byte[] bytes)
    {
        Span<byte> span = Take(bytes.Length + 5);
        span[0] = (byte)'B';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], bytes.Length);
        bytes.CopyTo(span[5..]);
    }

    /// <summary>Write a text, unless it has half of a surrogate pair, which UTF-8 does not have.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal bool TryWrite(string text)
    {
        Span<byte> span = Take(checked((text.Length * 3) + 5));
        OperationStatus status = Utf8.FromUtf16(text, span[5..], out _, out int length, replaceInvalidSequences: false);
        if (status != OperationStatus.Done)
        {
            _at -= span.Length;
            return false;
        }

        span[0] = (byte)'X';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], length);
        _at -= span.Length - 5 - length;
        return true;
    }

    /// <summary>Write a text that comes again and again.</summary>
    internal bool TryWriteName(string name)
    {
        if (_names.TryGetValue(name, out int index))
        {
            Recall(index);
            return true;
        }

        if (!TryWrite(name))
        {
            return false;
        }

        _names.Add(name, Remember());
        return true;
    }

    internal void Write(PickleGlobal found)
    {
        if (!TryRecall(found))
        {
            _ = TryWrite(found.Module) && TryWrite(found.Name);
            Put(0x93);
            _made.Add(found, Remember());
        }
    }

    /// <summary>Call what was written last but the arguments, of which there are one to three.</summary>
    internal void Call(int arguments) => Put((byte)(0x84 + arguments), Reduce);

    private void Write(DateTime moment, TimeSpan? offset)
    {
        Write(s_datetime);
        int microsecond = (int)(moment.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond);
        ReadOnlySpan<byte> state =
        [
            (byte)'C', 10, (byte)(moment.Year >> 8), (byte)moment.Year, (byte)moment.Month, (byte)moment.Day,
            (byte)moment.Hour, (byte)moment.Minute, (byte)moment.Second,
            (byte)(microsecond >> 16), (byte)(microsecond >> 8), (byte)microsecond,
        ];
        state.CopyTo(Take(state.Length));
        if (offset is { } east)
        {
            WriteZone(east);
        }

        Call(offset is null ? 1 : 2);
    }

    private void WriteZone(TimeSpan offset)
    {
        if (offset == TimeSpan.Zero)
        {
            Write(s_utc);
        }
        else if (!TryRecall(offset))
        {
            Write(s_timezone);
            Write(offset);
            Call(1);
            _made.Add(offset, Remember());
        }
    }

    // Towards zero, so that what comes back is never longer than a TimeSpan can be.
    private void Write(TimeSpan time)
    {
        Write(s_timedelta);
        Write(0);
        Write(0);
        Write(time.Ticks / TimeSpan.TicksPerMicrosecond);
        Call(3);
    }

    private void Write(Guid id) => WriteMade(s_uuid, id.ToString());

    private void Write(decimal number) =>
        WriteMade(s_decimal, number.ToString(CultureInfo.InvariantCulture));

    private void WriteMade(PickleGlobal kind, string text)
    {
        Write(kind);
        _ = TryWrite(text);
        Call(1);
    }

    // Its counterpart has three arguments.
    private void Write(Enum value, PickleGlobal kind)
    {
        if (!TryRecall(value))
        {
            Write(kind);
            _ = TryWrite(value.ToString());
            Write(((IConvertible)value).ToInt64(null));
            _ = TryWriteName(value.GetType().FullName!);
            Call(3);
            _made.Add(value, Remember());
        }
    }

    /// <summary>Write a value that Python's own library has a counterpart of, or an enum's.</summary>
    /// <param name="value">The value, bare.</param>
    /// <param name="enumValue">The counterpart of an enum's value.</param>
    /// <returns>Whether it is one that is no plain number and no text; those that `powershell_object.py` takes as they come.</returns>
    internal bool TryWriteRare(object value, PickleGlobal enumValue)
    {
        switch (value)
        {
            case DateTime moment:
                Write(moment, moment.Kind switch
                {
                    DateTimeKind.Utc => TimeSpan.Zero,
                    DateTimeKind.Local => TimeZoneInfo.Local.GetUtcOffset(moment),
                    _ => null,
                });
                return true;
            case Enum named when named.GetTypeCode() != TypeCode.UInt64:
                Write(named, enumValue);
                return true;
            case TimeSpan time:
                Write(time);
                return true;
            case DateTimeOffset moment:
                Write(moment.DateTime, moment.Offset);
                return true;
            case decimal number:
                Write(number);
                return true;
            case Guid id:
                Write(id);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Write what Python finds by its number.</summary>
    internal void Refer(int number)
    {
        Write(number);
        Put((byte)'Q');
    }

    private bool TryRecall(object made)
    {
        if (!_made.TryGetValue(made, out int index))
        {
            return false;
        }

        Recall(index);
        return true;
    }

    private void Recall(int index)
    {
        if (index <= byte.MaxValue)
        {
            Put((byte)'h', (byte)index);
            return;
        }

        Span<byte> span = Take(5);
        span[0] = (byte)'j';
        BinaryPrimitives.WriteInt32LittleEndian(span[1..], index);
    }

    private int Remember()
    {
        Put(0x94);
        return _remembered++;
    }

    private void Put(byte code) => Take(1)[0] = code;

    private void Put(byte first, byte second)
    {
        Put(first);
        Put(second);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<byte> Take(int count)
    {
        if (_data.Length - _at < count)
        {
            Array.Resize(ref _data, (int)Math.Max(Math.Min(2L * _data.Length, Array.MaxLength), checked(_at + count)));
        }

        _at += count;
        return _data.AsSpan(_at - count, count);
    }
}
