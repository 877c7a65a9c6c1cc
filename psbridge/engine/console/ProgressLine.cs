using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Text;

namespace Psbridge.Pwsh;

/// <summary>
/// The progress of the activity that reported last, on one line of the terminal that is taken away
/// before other output. The owner calls it under a lock.
/// </summary>
internal sealed class ProgressLine(Func<int> width)
{
    private const string EraseLine = "\r\u001b[K";
    private const int MillisecondsBetween = 100;

    private readonly List<(long Source, ProgressRecord Record)> _active = [];
    private bool _visible;
    private long _lastShown = long.MinValue;

    internal void Update(long source, ProgressRecord record)
    {
        _active.RemoveAll(entry => entry.Source == source && entry.Record.ActivityId == record.ActivityId);
        if (record.RecordType != ProgressRecordType.Completed)
        {
            _active.Add((source, record));
        }

        if (_active.Count == 0)
        {
            Hide();
            return;
        }

        // A script may report a thousand times a second; the terminal need not take part in it.
        if (_lastShown == long.MinValue || Environment.TickCount64 - _lastShown >= MillisecondsBetween)
        {
            _lastShown = Environment.TickCount64;
            Console.Out.Write(EraseLine + Styled(Describe(_active[^1].Record)));
            _visible = true;
        }
    }

    internal void Hide()
    {
        if (_visible)
        {
            Console.Out.Write(EraseLine);
            _visible = false;
        }
    }

    internal void Clear()
    {
        _active.Clear();
        Hide();
    }

    private string Describe(ProgressRecord record)
    {
        var text = new StringBuilder(record.Activity);
        Append(text, " ", record.PercentComplete >= 0 ? $"{record.PercentComplete}%" : null);
        Append(text, ": ", record.StatusDescription);
        Append(text, ", ", record.CurrentOperation);
        if (record.SecondsRemaining >= 0)
        {
            Append(text, ", ", $"{TimeSpan.FromSeconds(record.SecondsRemaining)} left");
        }

        // One column stays free: a full line would wrap, and could not be taken away again.
        text.Replace('\n', ' ').Replace('\r', ' ');
        int room = Math.Max(width() - 1, 1);
        return text.Length > room ? text.ToString(0, room) : text.ToString();
    }

    private static void Append(StringBuilder text, string separator, string? part)
    {
        if (!string.IsNullOrWhiteSpace(part))
        {
            text.Append(separator).Append(part);
        }
    }

    private static string Styled(string text) =>
        PSStyle.Instance.OutputRendering == OutputRendering.PlainText
            ? text
            : PSStyle.Instance.Progress.Style + text + PSStyle.Instance.Reset;
}
