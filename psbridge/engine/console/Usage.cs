using System;

namespace Psbridge.Pwsh;

/// <summary>A command line that makes no sense; the message is for the person who wrote it.</summary>
internal sealed class UsageException(string message) : Exception(message);

internal static class Usage
{
    internal const string NoPrompt =
        "pwsh: this copy of PowerShell has no interactive prompt; `psbridge shell` is one. "
        + "Use -Command, -File, or commands on the standard input (pwsh -Help shows the options).";

    internal const string Text = """
        Usage: pwsh [options] [-File] PATH [ARGUMENT...]
               pwsh [options] -Command { - | TEXT... }
               pwsh [options] -EncodedCommand BASE64
               pwsh [options] < COMMANDS

        The console program of psbridge's own copy of the PowerShell engine.

          -Command, -c TEXT...        run the rest of the line; `-` reads commands from the standard input
          -CommandWithArgs, -cwa TEXT ARGUMENT...
                                      run TEXT with the arguments in $args
          -EncodedCommand, -e BASE64  run a command that is given as base64 of UTF-16LE
          -File, -f PATH ARGUMENT...  run a script; `-` reads commands from the standard input
          -WorkingDirectory, -wd DIR  start in this folder
          -NonInteractive             never ask: reading and prompting are errors
          -InputFormat Text|None      what the standard input holds for $input
          -OutputFormat Text          the only format there is here
          -ExecutionPolicy NAME       as in PowerShell: without effect on Unix
          -ServerMode, -s             serve a job of Start-Job over the standard streams
          -NoLogo, -NoProfile, -Login, -Interactive
                                      accepted; there is no banner, and profiles are never run
          -Version, -v                show the engine's version
          -Help, -h, -?               show this text
        """;
}
