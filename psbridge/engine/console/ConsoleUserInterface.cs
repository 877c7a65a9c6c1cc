using System;
using System.IO;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Management.Automation.Internal;
using System.Threading;

namespace Psbridge.Pwsh;

/// <summary>
/// Output: errors on the standard error, everything else on the standard output, as the native
/// host does where its streams are redirected. Input is in <c>ConsoleUserInterface.Reading.cs</c>.
/// </summary>
internal sealed partial class ConsoleUserInterface : PSHostUserInterface
{
    private readonly Lock _gate = new();
    private readonly ConsoleRawUserInterface _raw = new();
    private readonly ProgressLine? _progress;

    internal ConsoleUserInterface(bool nonInteractive)
    {
        _nonInteractive = nonInteractive;
        string? term = Environment.GetEnvironmentVariable("TERM");
        SupportsVirtualTerminal = term != "dumb";
        if (Environment.GetEnvironmentVariable("NO_COLOR") is not null || term is "xterm-mono" or "xtermm")
        {
            PSStyle.Instance.OutputRendering = OutputRendering.PlainText;
        }

        if (!Console.IsOutputRedirected && SupportsVirtualTerminal)
        {
            _progress = new ProgressLine(() => _raw.WindowSize.Width);
        }
    }

    /// <inheritdoc/>
    public override PSHostRawUserInterface RawUI => _raw;

    /// <inheritdoc/>
    public override bool SupportsVirtualTerminal { get; }

    /// <inheritdoc/>
    public override void Write(string value) => Show(value, newLine: false);

    /// <inheritdoc/>
    public override void WriteLine() => Show("", newLine: true);

    /// <inheritdoc/>
    public override void WriteLine(string value) => Show(value, newLine: true);

    /// <inheritdoc/>
    public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        Show(Coloured(foregroundColor, backgroundColor, value), newLine: false);

    /// <inheritdoc/>
    public override void WriteLine(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) =>
        Show(Coloured(foregroundColor, backgroundColor, value), newLine: true);

    /// <inheritdoc/>
    public override void WriteDebugLine(string message) => WriteStyled(FormatStyle.Debug, $"DEBUG: {message}");

    /// <inheritdoc/>
    public override void WriteVerboseLine(string message) => WriteStyled(FormatStyle.Verbose, $"VERBOSE: {message}");

    /// <inheritdoc/>
    public override void WriteWarningLine(string message) => WriteStyled(FormatStyle.Warning, $"WARNING: {message}");

    /// <inheritdoc/>
    public override void WriteErrorLine(string value)
    {
        lock (_gate)
        {
            _progress?.Hide();
            Console.Error.WriteLine(Rendered(value, Console.IsErrorRedirected));
        }
    }

    /// <inheritdoc/>
    public override void WriteProgress(long sourceId, ProgressRecord record)
    {
        lock (_gate)
        {
            _progress?.Update(sourceId, record);
        }
    }

    /// <summary>Forget all progress: the pipeline that reported it is over.</summary>
    internal void EndProgress()
    {
        lock (_gate)
        {
            _progress?.Clear();
        }
    }

    private void WriteStyled(FormatStyle style, string text) =>
        Show($"{GetFormatStyleString(style)}{text}{PSStyle.Instance.Reset}", newLine: true);

    private void Show(string? value, bool newLine)
    {
        // Host code is called on pipeline threads, more than one at a time under -Parallel.
        lock (_gate)
        {
            _progress?.Hide();
            TextWriter output = Console.Out;
            string text = Rendered(value ?? "", Console.IsOutputRedirected);
            if (newLine)
            {
                output.WriteLine(text);
            }
            else
            {
                output.Write(text);
            }
        }
    }

    /// <summary>
    /// The text as <c>$PSStyle.OutputRendering</c> wants it on a stream. <c>Host</c>, its default,
    /// is read for each stream by itself: escape sequences for a terminal, none in a file or pipe.
    /// </summary>
    private string Rendered(string text, bool redirected)
    {
        bool plain = !SupportsVirtualTerminal || PSStyle.Instance.OutputRendering switch
        {
            OutputRendering.Ansi => false,
            OutputRendering.PlainText => true,
            _ => redirected,
        };
        return plain && text.Contains('\u001b')
            ? new StringDecorated(text).ToString(OutputRendering.PlainText)
            : text;
    }

    private static string Coloured(ConsoleColor foreground, ConsoleColor background, string value)
    {
        string start = (IsColour(foreground) ? PSStyle.MapForegroundColorToEscapeSequence(foreground) : "")
            + (IsColour(background) ? PSStyle.MapBackgroundColorToEscapeSequence(background) : "");
        return start.Length == 0 ? value : start + value + PSStyle.Instance.Reset;
    }

    /// <summary>A terminal's own colours are unknown, which is neither black nor white.</summary>
    private static bool IsColour(ConsoleColor colour) => colour is >= ConsoleColor.Black and <= ConsoleColor.White;
}
