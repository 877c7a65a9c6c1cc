using System;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PSBridge;

/// <summary>What scripts may ask about the terminal and do with it.</summary>
/// <remarks>
/// Without a terminal each member answers what keeps output readable in a file. A screen buffer,
/// which only Windows has, there is none; what only it can do does nothing, and raises nothing.
/// </remarks>
internal sealed class SessionRawUserInterface(SessionHost host) : PSHostRawUserInterface
{
    // What PowerShell's own host answers on Unix: a terminal does not tell its colours.
    private const ConsoleColor Own = (ConsoleColor)(-1);

    private ConsoleColor _foreground = Own;
    private ConsoleColor _background = Own;
    private string _title = "";

    private ConsoleCalls Console => host.Console;

    /// <inheritdoc/>
    public override ConsoleColor ForegroundColor
    {
        get => _foreground;
        set
        {
            _foreground = value;
            ShowColours();
        }
    }

    /// <inheritdoc/>
    public override ConsoleColor BackgroundColor
    {
        get => _background;
        set
        {
            _background = value;
            ShowColours();
        }
    }

    /// <inheritdoc/>
    public override Size BufferSize
    {
        get => WindowSize;
        set { }
    }

    /// <inheritdoc/>
    public override Size WindowSize
    {
        get => SizeOf("out");
        set { }
    }

    /// <inheritdoc/>
    public override Size MaxWindowSize => WindowSize;

    /// <inheritdoc/>
    public override Size MaxPhysicalWindowSize => WindowSize;

    /// <inheritdoc/>
    public override Coordinates WindowPosition
    {
        get => new(0, 0);
        set { }
    }

    /// <inheritdoc/>
    public override Coordinates CursorPosition
    {
        get
        {
            (int column, int line) = Pair(Console.Ask("cursor"), (0, 0));
            return new Coordinates(column, line);
        }

        set => Console.Control($"\u001b[{Math.Max(value.Y, 0) + 1};{Math.Max(value.X, 0) + 1}H");
    }

    /// <inheritdoc/>
    public override int CursorSize { get; set; } = 100;

    /// <inheritdoc/>
    public override bool KeyAvailable => Console.Ask("key available") is not null;

    /// <inheritdoc/>
    public override string WindowTitle
    {
        get => _title;
        set
        {
            _title = value ?? "";
            Console.Control($"\u001b]0;{string.Concat(_title.Split(s_controls))}\u0007");
        }
    }

    private static readonly char[] s_controls = [.. ControlCharacters()];

    /// <inheritdoc/>
    public override void FlushInputBuffer() => Console.Ask("flush keys");

    /// <inheritdoc/>
    public override KeyInfo ReadKey(ReadKeyOptions options)
    {
        string typed = Console.Ask("key") ?? throw ((SessionUserInterface)host.UI).NobodyToAsk("a key");
        KeyInfo key = Keys.Read(typed);
        if ((options & ReadKeyOptions.NoEcho) == 0 && !char.IsControl(key.Character))
        {
            Console.Write(key.Character.ToString());
        }

        return key;
    }

    /// <inheritdoc/>
    public override void SetBufferContents(Rectangle rectangle, BufferCell fill)
    {
        if (rectangle is { Left: -1, Top: -1, Right: -1, Bottom: -1 })
        {
            // This is how the screen is cleared.
            Console.Control("\u001b[H\u001b[2J\u001b[3J");
        }
    }

    /// <inheritdoc/>
    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents)
    {
    }

    /// <inheritdoc/>
    public override BufferCell[,] GetBufferContents(Rectangle rectangle) =>
        NewBufferCellArray(
            Math.Max(rectangle.Right - rectangle.Left + 1, 1),
            Math.Max(rectangle.Bottom - rectangle.Top + 1, 1),
            new BufferCell(' ', _foreground, _background, BufferCellType.Complete));

    /// <inheritdoc/>
    public override void ScrollBufferContents(
        Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill)
    {
    }

    /// <inheritdoc/>
    public override int LengthInBufferCells(char source) => Cells.Of(source);

    /// <inheritdoc/>
    public override int LengthInBufferCells(string source) => Cells.Of(source, 0);

    /// <inheritdoc/>
    public override int LengthInBufferCells(string source, int offset) => Cells.Of(source, offset);

    /// <summary>The text between the escape sequences for two colours, where colours are wanted.</summary>
    internal string Coloured(ConsoleColor foreground, ConsoleColor background, string value)
    {
        string start = Console.Colours && !string.IsNullOrEmpty(value) ? Sequence(foreground, background) : "";
        return start.Length == 0 ? value : $"{start}{value}\u001b[0m{Sequence(_foreground, _background)}";
    }

    /// <summary>The size of the terminal behind "out" or "err".</summary>
    internal Size SizeOf(string stream)
    {
        (int columns, int lines) = Pair(Console.Ask("size", stream), (120, 50));
        return new Size(columns, lines);
    }

    private void ShowColours()
    {
        if (Console.Colours)
        {
            Console.Control($"\u001b[39;49m{Sequence(_foreground, _background)}");
        }
    }

    private static string Sequence(ConsoleColor foreground, ConsoleColor background) =>
        (IsColour(foreground) ? PSStyle.MapForegroundColorToEscapeSequence(foreground) : "")
        + (IsColour(background) ? PSStyle.MapBackgroundColorToEscapeSequence(background) : "");

    private static bool IsColour(ConsoleColor colour) => colour is >= ConsoleColor.Black and <= ConsoleColor.White;

    private static (int First, int Second) Pair(string? text, (int First, int Second) otherwise) =>
        text?.Split(',') is [string first, string second] ? (int.Parse(first), int.Parse(second)) : otherwise;

    private static System.Collections.Generic.IEnumerable<char> ControlCharacters()
    {
        for (char one = '\0'; one < '\u00a0'; one++)
        {
            if (char.IsControl(one))
            {
                yield return one;
            }
        }
    }
}
