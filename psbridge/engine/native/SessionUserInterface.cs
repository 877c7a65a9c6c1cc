using System;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PSBridge;

/// <summary>What the host shows; what it asks is in <c>SessionUserInterface.Asking.cs</c>.</summary>
internal sealed partial class SessionUserInterface : PSHostUserInterface
{
    private readonly ConsoleCalls _console;
    private readonly SessionRawUserInterface _raw;
    private readonly ProgressDisplay? _progress;

    internal SessionUserInterface(ConsoleCalls console, bool colours, bool progress)
    {
        _console = console;
        SupportsVirtualTerminal = colours;
        _raw = new SessionRawUserInterface(console, colours);
        _progress = progress ? new ProgressDisplay(console, _raw) : null;
    }

    /// <inheritdoc/>
    public override PSHostRawUserInterface RawUI => _raw;

    /// <inheritdoc/>
    public override bool SupportsVirtualTerminal { get; }

    /// <inheritdoc/>
    public override void Write(string value)
    {
        if (!string.IsNullOrEmpty(value))
        {
            _console.Write(value);
        }
    }

    /// <inheritdoc/>
    public override void WriteLine() => _console.Write("\n");

    /// <inheritdoc/>
    public override void WriteLine(string value) => _console.Write(value + "\n");

    /// <inheritdoc/>
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        Write(_raw.Coloured(foregroundColor, backgroundColor, value));

    /// <inheritdoc/>
    public override void WriteLine(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        WriteLine(_raw.Coloured(foregroundColor, backgroundColor, value));

    /// <inheritdoc/>
    public override void WriteErrorLine(string value) => _console.Ask("error", value);

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
    public override void WriteProgress(long sourceId, ProgressRecord record) =>
        _progress?.Update(sourceId, record);

    internal void HideProgress() => _progress?.Hide();

    internal void EndProgress() => _progress?.End();

    private void Note(string style, string text) =>
        _console.Ask("note", $"{style}{text}{PSStyle.Instance.Reset}");
}
