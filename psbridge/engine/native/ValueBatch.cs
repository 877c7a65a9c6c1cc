using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace PSBridge;

/// <summary>Many values for Python in one piece: written here as a pickle, which Python reads at once.</summary>
/// <remarks>
/// From Python each look at an object costs a microsecond or more, and a value of a record several. What is
/// plain (null, Boolean, numbers, text, dates, enums), and records of what is plain, are written here. Everything
/// else is an item of the rest, to which the pickle refers by its number ("persistent id"), and Python
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
    private const int Step = 1000; // how many are put into the list at a time, as Python's own do
    private const int Piece = 500; // smaller than a processor's cache
    private const int Guess = 64; // bytes for each

    private readonly List<object?> _rest = [];
    private readonly CustomRecord _records;
    private readonly PickleWriter _writer;
    private readonly List<ObjectView> _views = [];
    private readonly List<int> _usualRecords = [];
    private readonly PickleGlobal _otherRecord;
    private readonly PickleGlobal _enumValue;
    private readonly Runspace? _from;
    private readonly string?[] _origins;
    private readonly Func<ValueBatch>? _writeNext;
    private readonly Task<ValueBatch>? _next;
    private bool _isFromElsewhere;

    private ValueBatch(object?[] items, int start, string package, Runspace? from, RecordScripts scripts)
    {
        _records = new CustomRecord(from, scripts);
        int stop = Math.Min(items.Length, start + Piece);
        _otherRecord = new($"{package}.custom_object", "made_of");
        _enumValue = new($"{package}.enum_value", "EnumValue");
        _from = from;
        _origins = new string?[stop - start];
        _writer = new PickleWriter((stop - start) * Guess);
        _writer.BeginList();
        for (int i = start; i < stop;)
        {
            int end = Math.Min(stop, i + Step);
            _writer.BeginItems();
            for (; i < end; i++)
            {
                string? origin = WriteItem(items[i], i - start);
                if (origin is not null)
                {
                    _origins[i - start] = origin;
                    _isFromElsewhere = true;
                }
            }

            _writer.EndItems();
        }

        _writer.End();
        if (stop < items.Length)
        {
            _writeNext = () => new ValueBatch(items, stop, package, from, scripts);
            _next = Runspace.DefaultRunspace is null ? Task.Run(_writeNext) : null;
        }
    }

    /// <summary>Write values.</summary>
    /// <param name="items">The values; nobody changes them meanwhile.</param>
    /// <param name="package">The Python package of `custom_object` and `enum_value`.</param>
    /// <param name="from">The runspace that they come from.</param>
    /// <param name="scripts">Where scripts of records run.</param>
    /// <returns>The first piece of them.</returns>
    public static ValueBatch Of(object?[] items, string package, Runspace? from, RecordScripts scripts) =>
        new(items, 0, package, from, scripts);

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

    /// <summary>What it consists of, in one call.</summary>
    /// <returns>
    /// The pickle of a list, as bytes; what it refers to by its number, or null; the views of objects that it
    /// refers to by -1, -2 and so on, or null, and their handles, eight bytes for each; the machines that its
    /// values came from, null where all are of this one; which items are records of the usual type, of which
    /// the pickle has dicts: true where all are, else four bytes for each, or null; whether there are records
    /// for <see cref="CustomRecord.ReadAhead"/>.
    /// </returns>
    public object?[] GetParts() =>
    [
        _writer.GetData(),
        _rest.Count > 0 ? GetRest() : null,
        _views.Count > 0 ? _views.ToArray() : null,
        _views.Count > 0 ? MemoryMarshal.AsBytes<long>(_views.Select(view => view.Handle).ToArray()).ToArray() : null,
        _isFromElsewhere ? _origins : null,
        GetUsualRecords(),
        _records.HasScripts,
    ];

    // Python makes a CustomObject of each: by one call for all of them that takes half of what a pickle's does.
    private object? GetUsualRecords() => _usualRecords.Count switch
    {
        0 => null,
        int count when count == _origins.Length => true,
        _ => MemoryMarshal.AsBytes<int>(_usualRecords.ToArray()).ToArray(),
    };

    private object?[] GetRest()
    {
        for (Task<ValueBatch>? later = _next; later is not null; later = later.GetAwaiter().GetResult()._next)
        {
        }

        return [.. _rest];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private string? WriteItem(object? item, int at)
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
            _writer.WriteNone();
            return null;
        }

        if (_records.ReadNext(whole) is not { } found)
        {
            Refer(item);
            return OriginOf(whole);
        }

        if (IsPlain(found))
        {
            WriteRecord(found, at);
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
    private void WriteRecord(List<object?> record, int at)
    {
        bool isUsual = record[0] is null && record[1] is null;
        if (isUsual)
        {
            _usualRecords.Add(at);
        }
        else
        {
            _writer.Write(_otherRecord);
        }

        _writer.BeginDictionary();
        for (int i = 2; i < record.Count; i += 2)
        {
            WriteName((string)record[i]!);
            WriteValue(record[i + 1]);
        }

        _writer.EndDictionary();
        if (!isUsual)
        {
            WriteValue(record[0]);
            WriteName((string?)record[1] ?? "");
            _writer.Call(3);
        }
    }

    private void WriteName(string name)
    {
        if (!_writer.TryWriteName(name))
        {
            Refer(name);
        }
    }

    // What a single one becomes: see `net_types.py`.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void WriteValue(object? value)
    {
        object? bare = value is PSObject wrapped ? wrapped.BaseObject : value;
        switch (bare)
        {
            case null:
                _writer.WriteNone();
                break;
            case bool truth:
                _writer.Write(truth);
                break;
            case ValueType when value is PSObject item && RemotedValue.EnumOf(item) is not null:
                Refer(value);
                break;
            case int number:
                _writer.Write(number);
                break;
            case string text:
                if (!_writer.TryWrite(text))
                {
                    Refer(value);
                }

                break;
            case double number:
                _writer.Write(number);
                break;
            case long number:
                _writer.Write(number);
                break;
            case float number:
                _writer.Write((double)number);
                break;
            case byte number:
                _writer.Write((int)number);
                break;
            case short number:
                _writer.Write((int)number);
                break;
            case ushort number:
                _writer.Write((int)number);
                break;
            case sbyte number:
                _writer.Write((int)number);
                break;
            case uint number:
                _writer.Write((long)number);
                break;
            case byte[] bytes when bytes.GetType() == typeof(byte[]): // of sbyte it is one to .NET, too
                _writer.Write(bytes);
                break;
            default:
                if (!_writer.TryWriteRare(bare, _enumValue))
                {
                    Refer(value);
                }

                break;
        }
    }

    private void Refer(object? value)
    {
        if (value is not null && ObjectView.IsKind((value is PSObject whole ? whole.BaseObject : value).GetType()))
        {
            _views.Add(ObjectView.Of(value, _from));
            _writer.Refer(-_views.Count);
        }
        else
        {
            _writer.Refer(_rest.Count);
            _rest.Add(value);
        }
    }
}
