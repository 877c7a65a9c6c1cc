using System;
using System.Collections;
using System.Collections.Generic;

namespace PSBridge;

/// <summary>A Hashtable that keeps the order of its entries, as the dict that it was made of.</summary>
/// <remarks>
/// A Hashtable, so that it binds to parameters of that type as it is. Rejected: OrderedDictionary, of
/// which binding makes a Hashtable that has neither the order nor PowerShell's letter case any more, and
/// PowerShell's own class of this name, whose keys are not PowerShell's either.
/// </remarks>
public sealed class OrderedHashtable : Hashtable, IDictionary
{
    private readonly List<object> _keys = [];

    /// <summary>Make an empty one, with the comparer of PowerShell's literals.</summary>
    public OrderedHashtable()
        : base(StringComparer.OrdinalIgnoreCase)
    {
    }

    private OrderedHashtable(OrderedHashtable other)
        : this()
    {
        foreach (object key in other._keys)
        {
            Add(key, other[key]);
        }
    }

    /// <inheritdoc/>
    public override ICollection Keys => _keys.ToArray();

    /// <inheritdoc/>
    public override ICollection Values => _keys.ConvertAll(key => base[key]).ToArray();

    /// <inheritdoc/>
    public override object? this[object key]
    {
        get => base[key];
        set
        {
            if (!base.ContainsKey(key))
            {
                _keys.Add(key);
            }

            base[key] = value;
        }
    }

    /// <inheritdoc/>
    public override void Add(object key, object? value)
    {
        base.Add(key, value);
        _keys.Add(key);
    }

    /// <inheritdoc/>
    public override void Remove(object key)
    {
        if (base.ContainsKey(key))
        {
            base.Remove(key);
            _keys.RemoveAt(_keys.FindIndex(known => KeyEquals(known, key)));
        }
    }

    /// <inheritdoc/>
    public override void Clear()
    {
        base.Clear();
        _keys.Clear();
    }

    /// <inheritdoc/>
    public override object Clone() => new OrderedHashtable(this);

    /// <inheritdoc/>
    public override IDictionaryEnumerator GetEnumerator() => new Walk(this);

    /// <inheritdoc/>
    public override void CopyTo(Array array, int arrayIndex)
    {
        foreach (object key in _keys)
        {
            array.SetValue(new DictionaryEntry(key, base[key]), arrayIndex++);
        }
    }

    private sealed class Walk(OrderedHashtable table) : IDictionaryEnumerator
    {
        private readonly object[] _keys = table._keys.ToArray();
        private int _index = -1;

        public DictionaryEntry Entry => new(Key, Value);

        public object Key => _keys[_index];

        public object? Value => table[_keys[_index]];

        public object Current => Entry;

        public bool MoveNext() => ++_index < _keys.Length;

        public void Reset() => _index = -1;
    }
}
