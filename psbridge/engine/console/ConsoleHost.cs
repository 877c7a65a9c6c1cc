using System;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;

namespace Psbridge.Pwsh;

/// <summary>The host that scripts see as <c>$Host</c>.</summary>
internal sealed class ConsoleHost(bool nonInteractive) : PSHost
{
    /// <inheritdoc/>
    /// <remarks>Scripts compare it, and the formatter measures text itself for this name.</remarks>
    public override string Name => "ConsoleHost";

    /// <inheritdoc/>
    public override Version Version => PSVersionInfo.PSVersion;

    /// <inheritdoc/>
    public override Guid InstanceId { get; } = Guid.NewGuid();

    /// <inheritdoc/>
    public override CultureInfo CurrentCulture => CultureInfo.CurrentCulture;

    /// <inheritdoc/>
    public override CultureInfo CurrentUICulture => CultureInfo.CurrentUICulture;

    /// <inheritdoc/>
    public override PSHostUserInterface UI => ConsoleUI;

    internal ConsoleUserInterface ConsoleUI { get; } = new(nonInteractive);

    /// <summary>The code that <c>exit</c> gave, or null as long as nothing has called it.</summary>
    internal int? ExitCodeAsked { get; private set; }

    /// <inheritdoc/>
    public override void SetShouldExit(int exitCode) => ExitCodeAsked = exitCode;

    /// <inheritdoc/>
    public override void EnterNestedPrompt() =>
        throw new PSNotSupportedException("This copy of PowerShell has no interactive prompt.");

    /// <inheritdoc/>
    public override void ExitNestedPrompt() =>
        throw new PSNotSupportedException("This copy of PowerShell has no interactive prompt.");

    /// <inheritdoc/>
    public override void NotifyBeginApplication()
    {
    }

    /// <inheritdoc/>
    public override void NotifyEndApplication()
    {
    }
}
