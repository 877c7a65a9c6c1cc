using System;
using System.Management.Automation;

namespace PSBridge;

/// <summary>What the host asks Python's console to do.</summary>
/// <param name="operation">Which of the console's operations.</param>
/// <param name="text">What it is about, or null.</param>
/// <returns>Null where it is done; an answer behind a <c>=</c>; what failed behind a <c>!</c>;
/// or <c>.</c> where nobody reads the output any more.</returns>
public delegate string? ConsoleCall(string operation, string? text);

/// <summary>The console of Python's that a host shows things on and asks with.</summary>
/// <remarks>
/// One delegate for all operations: a type of delegate costs the start of a session a
/// millisecond or two. No exception crosses the border, and once it is closed nothing is shown.
/// </remarks>
/// <param name="call">Does what is asked for; null where there is no console.</param>
/// <param name="colours">Whether output may have escape sequences.</param>
/// <param name="progress">Whether there is a terminal that progress can be shown on.</param>
internal sealed class ConsoleCalls(ConsoleCall? call, bool colours, bool progress)
{
    /// <summary>No console: nothing is shown, and there is nobody to ask.</summary>
    internal static ConsoleCalls None { get; } = new(null, false, false);

    /// <summary>Whether there is a console.</summary>
    internal bool IsThere => call is not null;

    /// <summary>Whether output may have escape sequences.</summary>
    internal bool Colours => colours;

    /// <summary>Whether there is a terminal that progress can be shown on.</summary>
    internal bool ShowsProgress => progress;

    /// <summary>Write output.</summary>
    internal void Write(string text) => Ask("write", text);

    /// <summary>Write what belongs to the terminal and not to the output, where there is one.</summary>
    internal void Control(string sequence) => Ask("control", sequence);

    /// <summary>Do an operation, and give its answer, or null where it has none.</summary>
    /// <exception cref="PipelineStoppedException">Nobody reads the output: end, as a program does
    /// whose pipe has broken.</exception>
    /// <exception cref="PSInvalidOperationException">It failed.</exception>
    /// <exception cref="ScriptCallDepthException">There is no stack for it.</exception>
    internal string? Ask(string operation, string? text = null)
    {
        if (call is null)
        {
            return null;
        }

        Border.CheckDepth();
        if (!Border.TryEnter())
        {
            return null;
        }

        string? answer;
        try
        {
            answer = call(operation, text);
        }
        finally
        {
            Border.Leave();
        }

        return answer switch
        {
            null or "" => null,
            ['=', .. string found] => found,
            "." => throw new PipelineStoppedException(),
            _ => throw new PSInvalidOperationException(answer[1..]),
        };
    }
}
