using System;
using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Tasks;

namespace PSBridge;

/// <summary>An object as PowerShell sees it, with the members that PowerShell gives it.</summary>
/// <remarks>
/// Here because a member may run any code, and Python reads a .NET property with the GIL held: code
/// that needs it on another thread would wait for ever. A method lets go of it. And each look from
/// Python costs a microsecond or more, so a method here does several steps.
///
/// Two runspaces matter. The types that a session knows (Update-TypeData, a module's) are those of the
/// runspace in which a PSObject is made, so one is made with that in place. Code of a member needs a
/// runspace on the thread that reads it. In a pipeline that is the pipeline's. Elsewhere it is one of
/// nobody's (<see cref="Aside"/>), since the session's may be running something on another thread, and a
/// runspace has no place for two; or the session is asked to run it (<see cref="ScriptMembers"/>).
/// </remarks>
public sealed class ObjectView
{
    // The types whose objects Python has found to be no values; it decides that.
    private static readonly ConcurrentDictionary<Type, bool> s_kinds = [];

    private readonly Runspace? _from;
    private GCHandle _handle;

    private ObjectView(PSObject whole, Runspace? from)
    {
        Whole = whole;
        _from = from;
        _handle = GCHandle.Alloc(this, GCHandleType.Weak);
    }

    /// <summary>Lets go of the handle.</summary>
    ~ObjectView() => _handle.Free();

    /// <summary>Let many objects of a type be seen without a question to Python for each.</summary>
    /// <param name="type">The type; not those that derive from it.</param>
    public static void AddKind(Type type) => s_kinds.TryAdd(type, true);

    /// <summary>Whether the objects of a type are seen so.</summary>
    internal static bool IsKind(Type type) => s_kinds.ContainsKey(type);

    /// <summary>A number for it, for <see cref="MemberReader"/>; it does not keep it.</summary>
    public long Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>The object with all that hangs on it.</summary>
    public PSObject Whole { get; }

    /// <summary>The runspace whose types it has.</summary>
    /// <returns>It, or null where none is known.</returns>
    public Runspace? GetRunspace() => _from;

    /// <summary>See an object.</summary>
    /// <param name="value">The object, or its PSObject.</param>
    /// <param name="from">The runspace that it comes from; null for that of this thread.</param>
    /// <returns>The view.</returns>
    public static ObjectView Of(object value, Runspace? from)
    {
        from ??= Runspace.DefaultRunspace;
        if (value is PSObject whole)
        {
            return new(whole, from);
        }

        using (TypesOf(from))
        {
            return new(PSObject.AsPSObject(value), from);
        }
    }

    /// <summary>The bare .NET object.</summary>
    /// <returns>It; what is made of properties alone has none, and is its PSObject.</returns>
    public object GetBare() => Whole.BaseObject is PSCustomObject ? Whole : Whole.BaseObject;

    /// <summary>The names of its type, the nearest first.</summary>
    /// <returns>The names, a line each.</returns>
    public string GetTypeNames() => string.Join('\n', Whole.TypeNames);

    /// <summary>Read a member.</summary>
    /// <param name="name">Its name, in any letter case.</param>
    /// <returns>
    /// The value of a property; a <see cref="CallableMember"/> for a method; a
    /// <see cref="NoMember"/> where there is none.
    /// </returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public object? Get(string name)
    {
        if (Whole.BaseObject is IDictionary entries && entries.Contains(name))
        {
            return entries[name];
        }

        return Find(name) switch
        {
            null => NoMember.Instance,
            PSMethodInfo method => new CallableMember(method, Whole, _from),
            PSMemberInfo property => ReadOwn(property),
        };
    }

    /// <summary>Read an entry of a dictionary, or an item of what has items.</summary>
    /// <param name="key">The key or the number.</param>
    /// <returns>What is there; a <see cref="NoMember"/> where it has no items.</returns>
    public object? GetItem(object key)
    {
        RefuseGiven("Item", key);
        if (Whole.BaseObject is IDictionary entries)
        {
            return entries.Contains(key) ? entries[key] : throw new KeyNotFoundException();
        }

        return Whole.BaseObject is IList list && key is int index
            ? list[index < 0 ? index + list.Count : index]
            : Find("Item") is PSParameterizedProperty items ? Aside(() => items.Invoke(key)) : NoMember.Instance;
    }

    /// <summary>Set a property.</summary>
    /// <param name="name">Its name, in any letter case.</param>
    /// <param name="value">The value, which is converted to its type.</param>
    /// <returns>What keeps it from being set: "" where it is set, null where there is none of the name.</returns>
    public string? Set(string name, object? value)
    {
        if (Whole.BaseObject is IDictionary entries && entries.Contains(name))
        {
            entries[name] = value;
            return "";
        }

        switch (Find(name))
        {
            case null:
                return null;
            case PSPropertyInfo { IsSettable: true } property:
                ScriptMembers.Refuse(Whole, property, _from);
                Aside(() => property.Value = value);
                return "";
            case PSPropertyInfo:
                return "is a property that can only be read";
            case PSParameterizedProperty:
                return "is a property with arguments: set an item of it";
            default:
                return "is a method, and cannot be set";
        }
    }

    /// <summary>The names of all members.</summary>
    /// <returns>The names; none where PowerShell refuses the type, which each look at a member says.</returns>
    public string[] GetNames()
    {
        using (WithTypes())
        {
            try
            {
                return [.. Whole.Members.Select(member => member.Name).Distinct()];
            }
            catch (ExtendedTypeSystemException)
            {
                return [];
            }
        }
    }

    /// <summary>All properties.</summary>
    /// <returns>Each name, and behind it the value or a <see cref="FailedMember"/>.</returns>
    public object?[] GetProperties()
    {
        bool isFromElsewhere = CustomRecord.Find(Whole, RemotingNotes.Mark) is not null;
        List<object?> found = [];
        PSPropertyInfo[] all;
        using (WithTypes())
        {
            all = [.. Whole.Properties];
        }

        foreach (PSPropertyInfo property in all)
        {
            if (isFromElsewhere && RemotingNotes.Are(property.Name))
            {
                continue;
            }

            found.Add(property.Name);
            try
            {
                found.Add(ReadOwn(property));
            }
            catch (Exception error) when (!ScriptMembers.EndsCall(error))
            {
                found.Add(new FailedMember(error));
            }
        }

        return [.. found];
    }

    /// <summary>The machine that it came from.</summary>
    /// <returns>Its name; null for this one.</returns>
    public string? GetOrigin() => RemotingNotes.OriginOf(Whole);

    /// <summary>Its text, as PowerShell writes it into another one.</summary>
    /// <returns>The text; the name of its type where it has none.</returns>
    public string GetText()
    {
        try
        {
            RefuseOwn(nameof(ToString));
            if (Find(nameof(ToString)) is PSScriptMethod script)
            {
                ScriptMembers.Refuse(Whole, script, _from);
            }

            return Aside(Whole.ToString) ?? "";
        }
        catch (Exception error) when (!ScriptMembers.EndsCall(error))
        {
            return Whole.TypeNames.FirstOrDefault() ?? "";
        }
    }

    /// <summary>How many items it has.</summary>
    /// <returns>The number; -1 where it has no items, or nobody knows how many.</returns>
    public int CountItems()
    {
        RefuseOwn("get_Count");
        switch (Whole.BaseObject)
        {
            case ICollection items:
                return items.Count;
            case string or not IEnumerable:
                return -1;
            default:
                return Whole.Members["Count"] is PSProperty { Value: int count } ? count : -1;
        }
    }

    /// <summary>Its items, to be walked through.</summary>
    /// <returns>A walk; null where it has none.</returns>
    public ObjectItems? GetItems()
    {
        RefuseOwn(nameof(IEnumerable.GetEnumerator));
        return Whole.BaseObject switch
        {
            // A job's stream is one of these too, and to walk through it is to wait for its end.
            IDictionary entries => new ObjectItems(entries.Keys),
            ICollection items => new ObjectItems(items),
            string => null,
            IEnumerable items => new ObjectItems(items.GetEnumerator(), _from),
            IEnumerator items => new ObjectItems(items, _from),
            _ => null,
        };
    }

    /// <summary>Whether it is equal to another object.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>What the object itself says.</returns>
    public bool IsEqualTo(object? other)
    {
        RefuseOwn(nameof(Equals));
        RefuseGiven(nameof(Equals), other);
        return GetBare().Equals(
            other is PSObject { BaseObject: not PSCustomObject } wrapped ? wrapped.BaseObject : other);
    }

    /// <summary>Its hash code.</summary>
    /// <returns>What the object itself says.</returns>
    public int GetHash()
    {
        RefuseOwn(nameof(GetHashCode));
        return GetBare().GetHashCode();
    }

    /// <summary>Compare it with another object.</summary>
    /// <param name="other">The other one.</param>
    /// <returns>Less than 0, 0 or more; null where the two cannot be compared.</returns>
    public int? CompareWith(object other)
    {
        RefuseOwn(nameof(IComparable.CompareTo));
        RefuseGiven(nameof(IComparable.CompareTo), other);
        try
        {
            return Whole.BaseObject is IComparable mine
                ? mine.CompareTo(other is PSObject wrapped ? wrapped.BaseObject : other)
                : null;
        }
        catch (Exception error) when (error is ArgumentException or InvalidCastException)
        {
            return null;
        }
    }

    /// <summary>The properties that PowerShell shows of it by default.</summary>
    /// <returns>Their names; none where its type does not say so.</returns>
    public string[] GetDisplaySet()
    {
        using (WithTypes())
        {
            return ObjectSummary.DisplaySet(Whole);
        }
    }

    /// <summary>What tells it from others of its kind, for a line.</summary>
    /// <remarks>
    /// Not what scripts compute, and nothing that takes long: others' getters may wait for anything, so
    /// they run on another thread, which is left to itself when time is up.
    /// </remarks>
    /// <param name="most">How many properties, where its type does not say which are shown.</param>
    /// <param name="milliseconds">How long they may take.</param>
    /// <returns>
    /// The name of its type; then each property's name and value. Behind them may be a text instead, that
    /// of an object that has no properties to show.
    /// </returns>
    public object?[] GetShown(int most, int milliseconds)
    {
        List<object?> found = [ObjectSummary.NameOf(Whole)];
        Task task = Task.Run(() =>
        {
            using (WithTypes())
            {
                ObjectSummary.Read(Whole, most, _from, found);
            }
        });
        try
        {
            task.Wait(milliseconds);
        }
        catch (AggregateException)
        {
            // What has been found is shown.
        }

        lock (found)
        {
            return [.. found];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private PSMemberInfo? Find(string name)
    {
        using (WithTypes())
        {
            return Whole.Members[name];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private object? ReadOwn(PSMemberInfo member)
    {
        if (member is PSScriptProperty or PSAliasProperty)
        {
            ScriptMembers.Refuse(Whole, member, _from);
        }

        return Read(member);
    }

    private void RefuseOwn(string method) => ScriptMembers.RefuseOwn(Whole.BaseObject, method, _from);

    private void RefuseGiven(string method, object? given)
    {
        if (GivenCode.Find(Whole.BaseObject, method, [given]) is { } code)
        {
            ScriptMembers.RefuseCode(code, _from);
        }
    }

    // For looking members up, not for their code.
    private Place WithTypes() => TypesOf(_from);

    private static Place TypesOf(Runspace? from) =>
        Place.In(Runspace.DefaultRunspace is null && from is { RunspaceIsRemote: false } ? from : null);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static object? Read(PSMemberInfo member) => member switch
    {
        PSNoteProperty or PSProperty or PSMemberSet => member.Value,
        _ => Aside(() => member.Value),
    };

    /// <summary>Do something in a runspace of nobody's, whatever this thread's is.</summary>
    internal static T Outside<T>(Func<T> call)
    {
        using (Place.Nowhere())
        {
            return Aside(call);
        }
    }

    /// <summary>Do something for which this thread needs a runspace.</summary>
    /// <remarks>
    /// Those of nobody's are kept. There are as many as were needed at a time: one that is in use is
    /// given to nobody else, so no lock is held while the code of a member runs.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static T Aside<T>(Func<T> read)
    {
        if (Runspace.DefaultRunspace is not null)
        {
            return read();
        }

        if (!s_idle.TryTake(out Runspace? aside))
        {
            aside = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
            aside.Open();
        }

        try
        {
            using (Place.In(aside))
            {
                return read();
            }
        }
        finally
        {
            s_idle.Add(aside);
        }
    }

    private static readonly ConcurrentBag<Runspace> s_idle = [];

    /// <summary>A runspace in the place of a thread's own, for a while.</summary>
    private readonly ref struct Place
    {
        private readonly Runspace? _before;

        private Place(Runspace? before) => _before = before;

        internal static Place In(Runspace? runspace)
        {
            Runspace? before = Runspace.DefaultRunspace;
            Runspace.DefaultRunspace = runspace ?? before;
            return new(before);
        }

        internal static Place Nowhere()
        {
            Runspace? before = Runspace.DefaultRunspace;
            Runspace.DefaultRunspace = null;
            return new(before);
        }

        public void Dispose() => Runspace.DefaultRunspace = _before;
    }
}
