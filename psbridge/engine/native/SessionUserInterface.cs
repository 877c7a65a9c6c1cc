using System;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PSBridge;

/// <summary>What the host shows; what it asks is in <c>SessionUserInterface.Asking.cs</c>.</summary>
internal sealed partial class SessionUserInterface : PSHostUserInterface
{
    // The text of the record that the engine put into a stream just now, and is about to show.
    [ThreadStatic]
    private static string? s_recorded;

    private readonly SessionHost _host;
    private readonly SessionRawUserInterface _raw;
    private ProgressDisplay? _progress;

    internal SessionUserInterface(SessionHost host)
    {
        _host = host;
        _raw = new SessionRawUserInterface(host);
    }

    /// <inheritdoc/>
    public override PSHostRawUserInterface RawUI => _raw;

    /// <inheritdoc/>
    public override bool SupportsVirtualTerminal => Console.Colours;

    private ConsoleCalls Console => _host.Console;

    /// <inheritdoc/>
    public override void Write(string value) => Show(value, isLine: false);

    /// <inheritdoc/>
    public override void WriteLine() => Show("", isLine: true);

    /// <inheritdoc/>
    public override void WriteLine(string value) => Show(value, isLine: true);

    /// <inheritdoc/>
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        Show(value, isLine: false, foregroundColor, backgroundColor);

    /// <inheritdoc/>
    public override void WriteLine(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        Show(value, isLine: true, foregroundColor, backgroundColor);

    /// <inheritdoc/>
    public override void WriteInformation(InformationRecord record) =>
        s_recorded = record.MessageData is HostInformationMessage shown ? shown.Message : record.ToString();

    /// <inheritdoc/>
    public override void WriteErrorLine(string value) => Console.Ask("error", value);

    /// <inheritdoc/>
    public override void WriteWarningLine(string message) =>
        Note(PSStyle.Instance.Formatting.Warning, $"WARNING: {message}");

    /// <inheritdoc/>
    public override void WriteVerboseLine(string message) =>
        Note(PSStyle.Instance.Formatting.Verbose, $"VERBOSE: {message}");

    /// <inheritdoc/>
    public override void WriteDebugLine(string message) =>
        Note(PSStyle.Instance.Formatting.Debug, $"DEBUG: {message}");

    /// <inheritdoc/>
    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        if (Console.ShowsProgress)
        {
            (_progress ??= new ProgressDisplay(Console, _raw)).Update(sourceId, record);
        }
    }

    internal void HideProgress() => _progress?.Hide();

    internal void EndProgress()
    {
        _progress?.End();
        _progress = null; // the next one may be on another console
    }

    private void Show(
        string? value, bool isLine, ConsoleColor? foreground = null, ConsoleColor? background = null)
    {
        string? recorded = s_recorded;
        s_recorded = null;
        value ??= "";
        if (Console.IsThere)
        {
            string text = foreground is { } front && background is { } back ? _raw.Coloured(front, back, value) : value;
            if (isLine || text.Length > 0)
            {
                Console.Write(isLine ? text + "\n" : text);
            }
        }
        else if (!ReferenceEquals(value, recorded) && (isLine || value.Length > 0))
        {
            Record(new HostInformationMessage
            {
                Message = value,
                NoNewLine = !isLine,
                ForegroundColor = foreground,
                BackgroundColor = background,
            });
        }
    }

    /// <summary>Keep what is said to the host in the streams of what runs.</summary>
    private void Record(HostInformationMessage message)
    {
        var record = new InformationRecord(message, "Host");
        record.Tags.Add("PSHOST");
        try
        {
            _host.Streams?.Information.Add(record);
        }
        catch (PSInvalidOperationException)
        {
            // It has ended: a thread of PowerShell's speaks that nobody has waited for.
        }
    }

    private void Note(string style, string text)
    {
        if (Console.IsThere)
        {
            Console.Ask("note", $"{style}{text}{PSStyle.Instance.Reset}");
        }
    }
}
