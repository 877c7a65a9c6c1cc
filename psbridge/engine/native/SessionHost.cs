using System;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace PSBridge;

/// <summary>The host of a session, with a console or without one.</summary>
/// <remarks>
/// Without one, what is said to the host is put into the information stream of what runs, where
/// Write-Host's is, and questions are for a program's answers or an error. PowerShell calls it on
/// the threads of its pipelines; each call is short and takes no lock but the console's, in Python.
/// Rejected: subclasses of the host's classes in Python. pythonnet made their types at each start
/// (40 ms), and its overrides do not go through <see cref="Border"/>. No user interface at all
/// without a console, as in PowerShell's own default host: what -WhatIf and Out-Host say was lost.
/// </remarks>
public sealed class SessionHost : PSHost
{
    private readonly SessionUserInterface _ui;
    private readonly PSObject? _colours;

    /// <summary>Make a host without a console.</summary>
    public SessionHost()
    {
        Console = OwnConsole = ConsoleCalls.None;
        _ui = new SessionUserInterface(this);
    }

    /// <summary>Make a host with a console.</summary>
    /// <param name="call">Does what the host asks for; it raises nothing.</param>
    /// <param name="colours">Whether output may have escape sequences.</param>
    /// <param name="progress">Whether there is a terminal that progress can be shown on.</param>
    public SessionHost(ConsoleCall call, bool colours, bool progress)
    {
        Console = OwnConsole = new ConsoleCalls(call, colours, progress);
        _ui = new SessionUserInterface(this);
        _colours = PSObject.AsPSObject(new HostColours());
    }

    /// <summary>Whether it has a console of its own.</summary>
    internal bool HasConsole => OwnConsole.IsThere;

    /// <summary>The console on which it shows things now.</summary>
    internal ConsoleCalls Console { get; set; }

    /// <summary>The console of its own, or none.</summary>
    internal ConsoleCalls OwnConsole { get; }

    /// <summary>What runs: its streams get what is said to a host without a console.</summary>
    internal PSDataStreams? Streams { get; set; }

    /// <summary>What answers its questions, instead of somebody at the console; or null.</summary>
    public AnswerCall? Answers { get; set; }

    /// <inheritdoc/>
    /// <remarks>
    /// Not "ConsoleHost": scripts that look for that name want PSReadLine's and the prompt's.
    /// </remarks>
    public override string Name => HasConsole ? "psbridge" : "Default Host";

    /// <inheritdoc/>
    public override Version Version { get; } = typeof(PSObject).Assembly.GetName().Version!;

    /// <inheritdoc/>
    public override Guid InstanceId { get; } = Guid.NewGuid();

    /// <inheritdoc/>
    public override CultureInfo CurrentCulture { get; } = CultureInfo.CurrentCulture;

    /// <inheritdoc/>
    public override CultureInfo CurrentUICulture { get; } = CultureInfo.CurrentUICulture;

    /// <inheritdoc/>
    public override PSHostUserInterface UI => _ui;

    /// <inheritdoc/>
    public override PSObject PrivateData => _colours!;

    /// <summary>What the script passed to <c>exit</c>, or null.</summary>
    public int? ExitCode { get; private set; }

    /// <inheritdoc/>
    public override void SetShouldExit(int exitCode) => ExitCode = ExitOfRun = exitCode;

    /// <summary>What the pipeline that runs passed to <c>exit</c>, which has ended it; or null.</summary>
    internal int? ExitOfRun { get; set; }

    /// <inheritdoc/>
    public override void EnterNestedPrompt() => throw _ui.NobodyToAsk("a nested prompt");

    /// <inheritdoc/>
    public override void ExitNestedPrompt()
    {
    }

    /// <inheritdoc/>
    public override void NotifyBeginApplication() => _ui.HideProgress();

    /// <inheritdoc/>
    public override void NotifyEndApplication()
    {
    }

    /// <summary>Forget the progress of a pipeline that has ended.</summary>
    public void EndProgress() => _ui.EndProgress();
}

/// <summary>The colours that scripts find at <c>$Host.PrivateData</c> in PowerShell's own host.</summary>
/// <remarks>As there, <c>$PSStyle</c> decides on every terminal that has colours at all.</remarks>
public sealed class HostColours
{
    /// <summary>The colour of headings.</summary>
    public ConsoleColor FormatAccentColor { get; set; } = ConsoleColor.Green;

    /// <summary>The colour of an error's heading.</summary>
    public ConsoleColor ErrorAccentColor { get; set; } = ConsoleColor.Cyan;

    /// <summary>The colour of errors.</summary>
    public ConsoleColor ErrorForegroundColor { get; set; } = ConsoleColor.Red;

    /// <summary>The colour behind errors.</summary>
    public ConsoleColor ErrorBackgroundColor { get; set; } = (ConsoleColor)(-1);

    /// <summary>The colour of warnings.</summary>
    public ConsoleColor WarningForegroundColor { get; set; } = ConsoleColor.Yellow;

    /// <summary>The colour behind warnings.</summary>
    public ConsoleColor WarningBackgroundColor { get; set; } = (ConsoleColor)(-1);

    /// <summary>The colour of debug messages.</summary>
    public ConsoleColor DebugForegroundColor { get; set; } = ConsoleColor.Yellow;

    /// <summary>The colour behind debug messages.</summary>
    public ConsoleColor DebugBackgroundColor { get; set; } = (ConsoleColor)(-1);

    /// <summary>The colour of verbose messages.</summary>
    public ConsoleColor VerboseForegroundColor { get; set; } = ConsoleColor.Yellow;

    /// <summary>The colour behind verbose messages.</summary>
    public ConsoleColor VerboseBackgroundColor { get; set; } = (ConsoleColor)(-1);

    /// <summary>The colour of progress.</summary>
    public ConsoleColor ProgressForegroundColor { get; set; } = ConsoleColor.Black;

    /// <summary>The colour behind progress.</summary>
    public ConsoleColor ProgressBackgroundColor { get; set; } = ConsoleColor.Yellow;
}
