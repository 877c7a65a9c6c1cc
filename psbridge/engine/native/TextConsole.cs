using System;
using System.Management.Automation;
using System.Text;

namespace PSBridge;

/// <summary>A console that keeps what it is to show, in the order in which it comes.</summary>
/// <remarks>Not Python's: a text may have a million lines, and each would cross the border.</remarks>
/// <param name="width">Its columns.</param>
/// <param name="asks">What asks the questions: the session's own console, or none.</param>
internal sealed class TextConsole(int width, ConsoleCalls asks)
{
    private readonly StringBuilder _text = new();

    /// <summary>Do one of a console's operations; see <see cref="ConsoleCall"/>.</summary>
    internal string? Call(string operation, string? text)
    {
        switch (operation)
        {
            case "write":
                Keep(text, end: "");
                return null;
            case "error" or "note":
                Keep(text, end: "\n");
                return null;
            case "size":
                return $"={width},50";
            case "interactive" or "ask" or "secret":
                return asks.Ask(operation, text) is { } answer ? "=" + answer : null;
            default:
                return null; // the keyboard, the cursor and progress, which a text has none of
        }
    }

    /// <summary>What has been shown so far.</summary>
    internal string GetText()
    {
        lock (_text)
        {
            return _text.ToString();
        }
    }

    /// <summary>Keep what comes from another machine, whose host is no host of ours.</summary>
    /// <param name="lines">Its output.</param>
    /// <param name="streams">Its other streams, which have what is shown only.</param>
    internal void Follow(PSDataCollection<object> lines, PSDataStreams streams)
    {
        Follow(lines, line => Keep(line.ToString(), end: "\n"));
        Follow(streams.Warning, record => Keep($"WARNING: {record.Message}", end: "\n"));
        Follow(streams.Verbose, record => Keep($"VERBOSE: {record.Message}", end: "\n"));
        Follow(streams.Debug, record => Keep($"DEBUG: {record.Message}", end: "\n"));
        Follow(streams.Information, record =>
        {
            // Of others nobody here knows whether they were to be shown.
            if (record.Tags.Contains("PSHOST"))
            {
                Keep(record.MessageData.ToString(), EndsLine(record) ? "\n" : "");
            }
        });
    }

    private static bool EndsLine(InformationRecord said) =>
        PSObject.AsPSObject(said.MessageData).Properties[nameof(HostInformationMessage.NoNewLine)]?.Value is not true;

    private static void Follow<T>(PSDataCollection<T> records, Action<T> keep) =>
        records.DataAdded += (_, added) => keep(records[added.Index]);

    // ForEach-Object -Parallel shows things from several threads.
    private void Keep(string? text, string end)
    {
        lock (_text)
        {
            _text.Append(text).Append(end);
        }
    }
}
