using System;
using System.Buffers.Binary;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Numerics;
using System.Text;

namespace PSBridge;

/// <summary>Many plain values of Python's as .NET values, read from what its `marshal` has written.</summary>
/// <remarks>
/// From Python each call of .NET's costs a microsecond or more, and a record takes six of them. This reads
/// what is plain: None, bool, int, float, str, and lists, tuples and dicts of such; version 2 of the format,
/// which has no references. It is no place for errors: what it does not know, or what has no counterpart, is
/// left to the conversion of single values, which says what is wrong and where. So are bytes: `marshal` writes
/// whatever has a buffer, NumPy's numbers too, as if it were bytes.
/// </remarks>
public static class MarshalledValues
{
    private const int Deepest = 100;

    // Throws on half of a surrogate pair, which .NET's text does not have.
    private static readonly UTF8Encoding s_utf8 = new(false, true);

    /// <summary>Read a list of values.</summary>
    /// <param name="address">Where the bytes are; they are not kept.</param>
    /// <param name="length">How many there are.</param>
    /// <param name="records">Whether a dict with keys of text is a record, or else a Hashtable.</param>
    /// <returns>The values; null where one is to be converted by itself.</returns>
    public static unsafe object?[]? ReadList(long address, long length, bool records)
    {
        var reader = new Reader(new ReadOnlySpan<byte>((void*)(nint)address, checked((int)length)), records);
        return reader.TryRead(0, out object? list) ? list as object?[] : null;
    }

    /// <summary>Read records of one class.</summary>
    /// <param name="address">Where the bytes of a list of tuples are, one for each record.</param>
    /// <param name="length">How many there are.</param>
    /// <param name="names">The names of the properties, in the order of the tuples.</param>
    /// <param name="typeName">The first name of the records' type.</param>
    /// <returns>The records; null where one is to be converted by itself.</returns>
    public static unsafe object?[]? ReadRecords(long address, long length, string[] names, string typeName)
    {
        var reader = new Reader(new ReadOnlySpan<byte>((void*)(nint)address, checked((int)length)), true);
        return reader.TryReadRecords(names, typeName, out object?[]? found) ? found : null;
    }

    private ref struct Reader(ReadOnlySpan<byte> data, bool records)
    {
        private readonly ReadOnlySpan<byte> _data = data;
        private readonly bool _records = records;
        private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
        private int _at;

        internal bool TryReadRecords(string[] names, string typeName, out object?[]? found)
        {
            found = null;
            var different = new HashSet<string>(names, StringComparer.OrdinalIgnoreCase);
            if (different.Count != names.Length || !names.All(IsNameOfProperty) || _data[_at++] != (byte)'[')
            {
                return false;
            }

            var list = new object?[ReadInt()];
            for (int i = 0; i < list.Length; i++)
            {
                if (_data[_at++] != (byte)'(' || ReadInt() != names.Length)
                {
                    return false;
                }

                var record = new PSObject(names.Length);
                foreach (string name in names)
                {
                    if (!TryRead(2, out object? value))
                    {
                        return false;
                    }

                    record.Properties.Add(new PSNoteProperty(name, value), preValidated: true);
                }

                record.TypeNames.Insert(0, typeName);
                list[i] = record;
            }

            found = list;
            return true;
        }

        internal bool TryRead(int depth, out object? value)
        {
            value = null;
            byte kind = _data[_at++];
            switch (kind)
            {
                case (byte)'N':
                    return true;
                case (byte)'T':
                    value = true;
                    return true;
                case (byte)'F':
                    value = false;
                    return true;
                case (byte)'i':
                    value = ReadInt();
                    return true;
                case (byte)'l':
                    value = ReadLong();
                    return true;
                case (byte)'g':
                    value = BinaryPrimitives.ReadDoubleLittleEndian(_data[_at..]);
                    _at += sizeof(double);
                    return true;
                case (byte)'u':
                    value = ReadText();
                    return value is not null;
                case (byte)'[' or (byte)'(' when depth <= Deepest:
                    return TryReadArray(depth, out value);
                case (byte)'{' when depth <= Deepest:
                    return TryReadMapping(depth, out value);
                default:
                    return false;
            }
        }

        private bool TryReadArray(int depth, out object? value)
        {
            var items = new object?[ReadInt()];
            value = items;
            for (int i = 0; i < items.Length; i++)
            {
                if (!TryRead(depth + 1, out items[i]))
                {
                    return false;
                }
            }

            return true;
        }

        // Ends with a null, for the number of its entries is not said.
        private bool TryReadMapping(int depth, out object? value)
        {
            var entries = new List<(object Key, object? Value)>();
            bool areNamed = true;
            value = null;
            while (_data[_at] != (byte)'0')
            {
                if (!TryRead(depth + 1, out object? key) || key is null || !TryRead(depth + 1, out object? item))
                {
                    return false;
                }

                areNamed &= key is string;
                entries.Add((key, item));
            }

            _at++;
            return _records && areNamed ? TryMakeRecord(entries, out value) : TryMakeTable(entries, out value);
        }

        private readonly bool TryMakeRecord(List<(object Key, object? Value)> entries, out object? value)
        {
            var record = new PSObject(entries.Count);
            var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            value = record;
            foreach ((object key, object? item) in entries)
            {
                string name = (string)key;
                if (!IsNameOfProperty(name) || !names.Add(name))
                {
                    return false;
                }

                if (!_names.TryGetValue(name, out string? known))
                {
                    _names.Add(name, known = name);
                }

                record.Properties.Add(new PSNoteProperty(known, item), preValidated: true);
            }

            return true;
        }

        private static bool TryMakeTable(List<(object Key, object? Value)> entries, out object? value)
        {
            var table = new OrderedHashtable();
            value = table;
            foreach ((object key, object? item) in entries)
            {
                if (key is IList or IDictionary || table.ContainsKey(key))
                {
                    return false;
                }

                table.Add(key, item);
            }

            return true;
        }

        // PowerShell keeps some for itself.
        private static bool IsNameOfProperty(string name) =>
            name.Length > 0 && !name.StartsWith("PS", StringComparison.OrdinalIgnoreCase);

        private int ReadInt()
        {
            int number = BinaryPrimitives.ReadInt32LittleEndian(_data[_at..]);
            _at += sizeof(int);
            return number;
        }

        // Digits of 15 bits each, their number negative where the whole is.
        private object ReadLong()
        {
            int count = ReadInt();
            BigInteger number = 0;
            for (int i = Math.Abs(count) - 1; i >= 0; i--)
            {
                number = (number << 15) + BinaryPrimitives.ReadUInt16LittleEndian(_data[(_at + (2 * i))..]);
            }

            _at += 2 * Math.Abs(count);
            number = count < 0 ? -number : number;
            return number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number;
        }

        private string? ReadText()
        {
            ReadOnlySpan<byte> bytes = Take(ReadInt());
            try
            {
                return s_utf8.GetString(bytes);
            }
            catch (DecoderFallbackException)
            {
                return null;
            }
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            ReadOnlySpan<byte> taken = _data.Slice(_at, count);
            _at += count;
            return taken;
        }
    }
}
