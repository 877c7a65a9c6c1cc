using System;
using System.Collections;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Collections.Specialized;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Internal;
using System.Management.Automation.Runspaces;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace PSBridge;

/// <summary>Where the scripts of records run when these are read.</summary>
public enum RecordScripts
{
    /// <summary>On the thread that reads, in a runspace of nobody's: who reads must not wait.</summary>
    Here,

    /// <summary>In the session that the records come from.</summary>
    Session,

    /// <summary>Nowhere, and their values are null: the call is over.</summary>
    Nowhere,
}

/// <summary>A record that was read where its scripts belong.</summary>
/// <param name="record">It.</param>
/// <param name="values">What <see cref="CustomRecord.ReadOne"/> gives.</param>
public sealed class ReadRecord(PSObject record, object?[] values)
{
    /// <summary>The record.</summary>
    /// <returns>It.</returns>
    public PSObject GetRecord() => record;

    /// <summary>What was read.</summary>
    /// <returns>What <see cref="CustomRecord.ReadOne"/> gives.</returns>
    public object?[] GetValues() => values;
}

/// <summary>Reading objects that are made of properties alone.</summary>
/// <remarks>
/// One reader is for objects that are read at a time: whether types add anything to theirs is looked at
/// once. Where nothing is added their own members are all there is, and to read these where PowerShell keeps
/// them takes a twentieth of what <see cref="PSObject.Properties"/> does, which makes a copy of each.
/// </remarks>
/// <param name="from">The runspace that they come from.</param>
/// <param name="scripts">Where scripts of members run.</param>
public sealed class CustomRecord(Runspace? from, RecordScripts scripts)
{
    private const int Deepest = 20;

    // Those that may have records in them, and run no code of anybody's where they are walked through.
    private static readonly HashSet<Type> s_lists =
    [
        typeof(object[]), typeof(PSObject[]), typeof(ArrayList), typeof(List<object>), typeof(List<PSObject>),
        typeof(Collection<PSObject>),
    ];

    private static readonly string s_usual = typeof(PSCustomObject).FullName!;

    private static readonly Func<PSObject, PSMemberInfoCollection<PSMemberInfo>>? s_own =
        EngineMembers.Objects.Own.Property?.GetMethod?
            .CreateDelegate<Func<PSObject, PSMemberInfoCollection<PSMemberInfo>>>();

    private static readonly FieldInfo? s_ownIfAny = EngineMembers.Objects.OwnIfAny.Field;
    private static readonly FieldInfo? s_kept = EngineMembers.Objects.OwnByName.Field;

    private static readonly Func<PSObject, Collection<string>> s_typeNames =
        EngineMembers.Objects.TypeNames.Property?.GetMethod?.CreateDelegate<Func<PSObject, Collection<string>>>()
        ?? (record => record.TypeNames);

    private readonly Dictionary<string, bool> _hasOnlyItsOwn = new(StringComparer.Ordinal);
    private readonly List<object?> _found = [];
    private readonly List<object> _inside = []; // the record that is read, and what it is in
    private bool _isFromElsewhere;

    // The names of the record before, and what is known of these.
    private string? _names;
    private bool _isOnlyItsOwn;

    /// <summary>Whether it has met scripts that are not to be run here.</summary>
    internal bool HasScripts { get; private set; }

    /// <summary>The names of an object's type, as they are; not to be changed.</summary>
    internal static Collection<string> TypeNamesOf(PSObject item) => s_typeNames(item);

    /// <summary>Find a property that PowerShell hangs on objects, at a tenth of the time that it takes.</summary>
    internal static PSMemberInfo? Find(PSObject item, string name) =>
        IsBare(item) ? null : s_own is null ? item.Properties[name] : s_own(item)[name];

    /// <summary>Whether it is a plain value on which nothing hangs: to ask for what does would make a list.</summary>
    private static bool IsBare(PSObject item) =>
        s_ownIfAny is not null && item.BaseObject is (ValueType or string) && s_ownIfAny.GetValue(item) is null;

    /// <summary>Read all of one.</summary>
    /// <param name="record">The object.</param>
    /// <param name="from">The runspace that it comes from.</param>
    /// <param name="scripts">Where scripts of members run.</param>
    /// <returns>
    /// The machine that it came from; the names of its type, a line each, null for the usual ones; then
    /// each property's name and value. What was another object where it comes from is one thing alone: the
    /// value, or a <see cref="NoMember"/> where that cannot be made again. Null is PowerShell's nothing.
    /// </returns>
    /// <exception cref="SessionNeededException">There is such a script, and this thread is not there.</exception>
    public static object?[]? ReadOne(PSObject record, Runspace? from, RecordScripts scripts)
    {
        if (record == AutomationNull.Value)
        {
            return null;
        }

        return RemotedValue.IsOne(record)
            ? [RemotedValue.Revive(record) ?? NoMember.Instance]
            : [.. new CustomRecord(from, scripts).Read(record, NamesOf(record), false)];
    }

    /// <summary>Read those of many values that are records with scripts, in one call.</summary>
    /// <param name="items">The values.</param>
    /// <param name="from">See <see cref="ReadOne"/>.</param>
    /// <returns>The values with a <see cref="ReadRecord"/> in the place of each.</returns>
    /// <exception cref="SessionNeededException">There are such, and this thread is not there.</exception>
    public static object?[] ReadAhead(object?[] items, Runspace? from) => Array.ConvertAll(items, item =>
        item is PSObject { BaseObject: PSCustomObject } record && record != AutomationNull.Value
        && HasScriptProperties(record) && !RemotedValue.IsOne(record)
            ? new ReadRecord(record, [.. new CustomRecord(from, RecordScripts.Session).Read(record, NamesOf(record), false)])
            : item);

    /// <summary>Read the records with scripts in a value, on the thread where these are to run.</summary>
    /// <param name="item">The value.</param>
    /// <returns>The value with a <see cref="ReadRecord"/> in the place of each; itself where it has none.</returns>
    internal object? ReadWithScripts(object? item)
    {
        _inside.Clear(); // of one before, which something has ended
        return ReadInside(item);
    }

    private object? ReadInside(object? item)
    {
        object? bare = item is PSObject wrapped ? wrapped.BaseObject : item;
        object? whole = bare is PSCustomObject ? item : bare; // of all records the object below is the same
        if (!MayHaveRecords(item) || _inside.Count == Deepest || _inside.Exists(one => ReferenceEquals(one, whole)))
        {
            return item;
        }

        _inside.Add(whole!);
        object? read = whole switch
        {
            PSObject record => ReadRecordWithScripts(record),
            IDictionary entries => ReadEntriesWithScripts(entries) ?? item,
            IList list => ReadItemsWithScripts(list) ?? item,
            _ => item,
        };
        _inside.RemoveAt(_inside.Count - 1);
        return read;
    }

    private object?[]? ReadItemsWithScripts(IList list)
    {
        object?[] items = [.. list.Cast<object?>()];
        object?[] read = Array.ConvertAll(items, ReadInside);
        return items.SequenceEqual(read, ReferenceEqualityComparer.Instance) ? null : read;
    }

    private object ReadRecordWithScripts(PSObject record)
    {
        string? names = NamesOf(record);
        if (names is not null)
        {
            _hasOnlyItsOwn.Remove(names); // what runs meanwhile may add to types
            _names = null;
        }

        _found.Clear();
        bool isPlain = HasOnlyItsOwn(record, names ?? s_usual) && TryReadOwn(record);
        if (isPlain && !_found.Exists(MayHaveRecords))
        {
            return record;
        }

        if (RemotedValue.IsOne(record))
        {
            return record;
        }

        bool isChanged = !isPlain && HasScriptProperties(record);
        object?[] found = [.. Read(record, names, isPlain)];
        for (int i = 3; i < found.Length; i += 2)
        {
            object? read = ReadInside(found[i]);
            isChanged |= !ReferenceEquals(read, found[i]);
            found[i] = read;
        }

        return isChanged ? new ReadRecord(record, found) : record;
    }

    private OrderedDictionary? ReadEntriesWithScripts(IDictionary entries)
    {
        OrderedDictionary read = new(StringComparer.Ordinal);
        bool isChanged = false;
        // A copy of an ordered one forgets its order.
        foreach (DictionaryEntry entry in entries is OrderedDictionary ? entries : (IEnumerable)new ArrayList(entries))
        {
            object? value = ReadInside(entry.Value);
            isChanged |= !ReferenceEquals(value, entry.Value);
            read.Add(entry.Key, value);
        }

        return isChanged ? read : null;
    }

    // An alias may lead to a script.
    private static bool HasScriptProperties(PSObject record) =>
        record.Properties.Any(property => property is PSScriptProperty or PSAliasProperty);

    private static bool MayHaveRecords(object? value) =>
        value != AutomationNull.Value && (value is PSObject wrapped ? wrapped.BaseObject : value) is { } bare
        && (bare is PSCustomObject or Hashtable or OrderedDictionary || s_lists.Contains(bare.GetType()));

    /// <summary>Read all of one of many, which is not PowerShell's nothing; see <see cref="ReadOne"/>.</summary>
    /// <returns>The same, until the next one is read; null for what was another object, and for what has
    /// scripts that are not to be run here.</returns>
    internal List<object?>? ReadNext(PSObject record)
    {
        string? names = NamesOf(record);
        if (names is not null && RemotedValue.IsOne(record))
        {
            return null;
        }

        try
        {
            return Read(record, names, HasOnlyItsOwn(record, names ?? s_usual));
        }
        catch (SessionNeededException)
        {
            HasScripts = true;
            return null;
        }
    }

    private List<object?> Read(PSObject record, string? names, bool isQuick)
    {
        _isFromElsewhere = false;
        _found.Clear();
        _found.Add(null);
        _found.Add(names);
        if (!isQuick || !TryReadOwn(record))
        {
            ReadAll(record);
        }

        if (_isFromElsewhere)
        {
            TakeOrigin(_found);
        }

        return _found;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryReadOwn(PSObject record)
    {
        if (s_kept?.GetValue(s_own!(record)) is not OrderedDictionary own)
        {
            return false;
        }

        lock (own) // as PowerShell does
        {
            for (int i = 0; i < own.Count; i++)
            {
                object? member = own[i];
                if (member?.GetType() == typeof(PSNoteProperty))
                {
                    var note = (PSNoteProperty)member;
                    Add(note.Name, note.Value);
                }
                else if (!IsPowerShells((PSMemberInfo)member!))
                {
                    _found.RemoveRange(2, _found.Count - 2);
                    return false; // a method, or a property that runs code
                }
            }
        }

        return true;
    }

    private void ReadAll(PSObject record)
    {
        foreach (PSMemberInfo property in record.Properties)
        {
            if (IsPowerShells(property))
            {
                continue;
            }

            object? value;
            try
            {
                value = IsRefused(record, property) ? null : ObjectView.Read(property);
            }
            catch (Exception error) when (!ScriptMembers.EndsCall(error))
            {
                value = null; // as PowerShell has it
            }

            Add(property.Name, value);
        }
    }

    // Whether a script is not to be run at all; throws where another thread is to run it.
    private bool IsRefused(PSObject record, PSMemberInfo property)
    {
        switch (scripts)
        {
            case RecordScripts.Here:
                return ScriptMembers.IsRefused(record, property, from);
            case RecordScripts.Nowhere:
                return ScriptMembers.IsScript(record, property);
            default:
                ScriptMembers.Refuse(record, property, from);
                return false;
        }
    }

    // What PowerShell keeps there for itself.
    private static bool IsPowerShells(PSMemberInfo member) => member is PSMemberSet || member.Name == "pstypenames";

    private void Add(string name, object? value)
    {
        _found.Add(name);
        _found.Add(value);
        _isFromElsewhere |= name == RemotingNotes.Mark;
    }

    private static void TakeOrigin(List<object?> found)
    {
        for (int i = found.Count - 2; i > 0; i -= 2)
        {
            string name = (string)found[i]!;
            if (RemotingNotes.Are(name))
            {
                found[0] = name == RemotingNotes.Machine ? found[i + 1] as string : found[0];
                found.RemoveRange(i, 2);
            }
        }
    }

    private bool HasOnlyItsOwn(PSObject record, string names)
    {
        if (s_own is null)
        {
            return false;
        }

        if (!ReferenceEquals(names, _names))
        {
            _names = names;
            if (!_hasOnlyItsOwn.TryGetValue(names, out _isOnlyItsOwn))
            {
                _isOnlyItsOwn = record.Properties.Select(one => one.Name)
                    .SequenceEqual(s_own(record).OfType<PSNoteProperty>().Select(one => one.Name));
                _hasOnlyItsOwn.Add(names, _isOnlyItsOwn);
            }
        }

        return _isOnlyItsOwn;
    }

    private static string? NamesOf(PSObject record)
    {
        Collection<string> names = TypeNamesOf(record);
        return names.Count == 2 && names[0] == s_usual ? null : string.Join('\n', names);
    }
}
