using System;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Reflection;

namespace PSBridge;

/// <summary>The progress of what runs, on the terminal, as PowerShell's own host draws it.</summary>
/// <remarks>
/// What is nested in what, what fits the terminal and what <c>$PSStyle.Progress</c> asks for is
/// decided by PowerShell's own classes, which are internal to its console host. Where an engine
/// lacks one of them, or colours are not wanted, progress is one plain line.
/// </remarks>
internal sealed class ProgressDisplay(ConsoleCalls console, SessionRawUserInterface raw)
{
    // As often as PowerShell's own host. A script may report a thousand times a second.
    private const int MillisecondsBetween = 100;

    private readonly object _gate = new();
    private Pending? _pending;
    private long _due = long.MinValue;
    private bool _shown;
    private bool _indicated;

    internal void Update(long source, ProgressRecord record)
    {
        lock (_gate)
        {
            bool completed = record.RecordType == ProgressRecordType.Completed;
            _pending ??= Pending.Create();
            _pending?.Update(source, record);
            if (!completed && Environment.TickCount64 < _due)
            {
                return;
            }

            _due = Environment.TickCount64 + MillisecondsBetween;
            if (PSStyle.Instance.Progress.UseOSCIndicator)
            {
                console.Ask("indicator", $"\u001b]9;4;1;{Math.Clamp(record.PercentComplete, 0, 100)}\u001b\\");
                _indicated = true;
            }

            Show(Lines(record, completed));
        }
    }

    /// <summary>Take it away until it is updated: a native program writes to the terminal now.</summary>
    internal void Hide()
    {
        lock (_gate)
        {
            Show([]);
        }
    }

    internal void End()
    {
        lock (_gate)
        {
            _pending = null;
            _due = long.MinValue;
            Show([]);
            if (_indicated)
            {
                console.Ask("indicator", "\u001b]9;4;0\u001b\\");
                _indicated = false;
            }
        }
    }

    private void Show(string[] lines)
    {
        if (lines.Length > 0 || _shown)
        {
            console.Ask("progress", string.Join('\n', lines));
            _shown = lines.Length > 0;
        }
    }

    private string[] Lines(ProgressRecord record, bool completed)
    {
        if (_pending is not null && console.Ask("progress colours") is not null)
        {
            Size size = raw.SizeOf("err");
            return _pending.Render(size.Width - 1, Math.Max(5, size.Height / 3), raw);
        }

        string percent = record.PercentComplete >= 0 ? $" {record.PercentComplete}%" : "";
        string left = record.SecondsRemaining >= 0 ? $" {TimeSpan.FromSeconds(record.SecondsRemaining)}" : "";
        return completed ? [] : [$"{record.Activity}:{percent}{left} {record.StatusDescription}"];
    }

    /// <summary>PowerShell's own tree of activities.</summary>
    private sealed class Pending(object tree)
    {
        internal static Pending? Create() =>
            EngineMembers.Console.UpdateProgress.IsThere
                && EngineMembers.Console.RenderProgress.Method?.ReturnType == typeof(string[])
                && EngineMembers.Console.NewProgress.Constructor?.Invoke([]) is { } tree
                ? new Pending(tree)
                : null;

        internal void Update(long source, ProgressRecord record) =>
            EngineMembers.Console.UpdateProgress.Method!.Invoke(
                tree, BindingFlags.DoNotWrapExceptions, null, [source, record], null);

        internal string[] Render(int columns, int lines, PSHostRawUserInterface raw) =>
            (string[]?)EngineMembers.Console.RenderProgress.Method!.Invoke(
                tree, BindingFlags.DoNotWrapExceptions, null, [columns, lines, raw], null) ?? [];
    }
}
