using System.Collections;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>A walk through the items of an object.</summary>
public sealed class ObjectItems
{
    private readonly IEnumerator? _items;
    private readonly Runspace? _from;
    private object?[]? _all;

    internal ObjectItems(IEnumerator items, Runspace? from) => (_items, _from) = (items, from);

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

        ScriptMembers.RefuseOwn(_items, nameof(IEnumerator.MoveNext), _from);
        return ObjectView.Aside<object?[]>(() => _items.MoveNext() ? [_items.Current] : []);
    }
}
