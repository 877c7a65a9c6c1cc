using System.Collections;

namespace PSBridge;

/// <summary>A walk through the items of an object.</summary>
public sealed class ObjectItems
{
    private readonly IEnumerator? _items;
    private object?[]? _all;

    internal ObjectItems(IEnumerator items) => _items = items;

    internal ObjectItems(ICollection items)
    {
        // As they are now: another thread may change them.
        _all = new object?[items.Count];
        items.CopyTo(_all, 0);
    }

    /// <summary>The next items: all of a collection, else the next one.</summary>
    /// <returns>None where there are no more.</returns>
    public object?[] Next()
    {
        if (_items is null)
        {
            object?[] all = _all ?? [];
            _all = null;
            return all;
        }

        return ObjectView.Aside<object?[]>(() => _items.MoveNext() ? [_items.Current] : []);
    }
}
