using System.Diagnostics;
using System.Management.Automation;
using System.Threading;

namespace PSBridge;

/// <summary>Values that a running pipeline gets one after the other, a few ahead of what it reads.</summary>
/// <remarks>
/// The collection that the engine reads from is bounded by nothing and tells nobody what was read. It
/// can let go of an item that was read, though, and leave null in its place: so many are ahead as are
/// left behind the last null. What is read costs 8 bytes until the end.
/// </remarks>
public sealed class PipelineInput
{
    private const int Ahead = 64;

    private readonly bool _bounded;
    private int _read;

    /// <summary>Begin without any.</summary>
    public PipelineInput()
    {
        if (EngineMembers.Objects.ReleaseRead.Property is { } release)
        {
            release.SetValue(Lines, true);
            _bounded = true;
        }
    }

    /// <summary>What the pipeline reads.</summary>
    public PSDataCollection<object> Lines { get; } = [];

    /// <summary>Hand over the next value, when there is room for it.</summary>
    /// <param name="value">The value.</param>
    /// <param name="milliseconds">How long to wait for room at most.</param>
    /// <returns>Whether there was.</returns>
    public bool Offer(object? value, int milliseconds)
    {
        for (var waited = Stopwatch.StartNew(); !HasRoom(); Thread.Sleep(1))
        {
            if (waited.ElapsedMilliseconds >= milliseconds)
            {
                return false;
            }
        }

        Lines.Add(value!);
        return true;
    }

    /// <summary>Say that no more values come.</summary>
    public void Complete() => Lines.Complete();

    private bool HasRoom()
    {
        while (_read < Lines.Count && Lines[_read] is null)
        {
            _read++;
        }

        return !_bounded || Lines.Count - _read < Ahead;
    }
}
