using System;
using System.Management.Automation.Runspaces;

namespace PSBridge;

/// <summary>Says when a runspace that is not psbridge's has come to its end.</summary>
public static class RunspaceEnd
{
    /// <summary>Call something when a runspace closes, on the thread that closes it.</summary>
    /// <param name="runspace">The runspace.</param>
    /// <param name="ended">Called for each step of the end; it raises nothing.</param>
    public static void Follow(Runspace runspace, Action ended) =>
        runspace.StateChanged += (_, change) =>
        {
            if (change.RunspaceStateInfo.State
                is RunspaceState.Closing or RunspaceState.Closed or RunspaceState.Broken)
            {
                Border.TryCall(ended);
            }
        };
}
