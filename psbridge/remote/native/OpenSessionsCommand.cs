using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Management.Automation;
using System.Management.Automation.Remoting;
using System.Management.Automation.Runspaces;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>Opens sessions on other machines, side by side, and writes each when it is open.</summary>
public abstract class OpenSessionsCommand : PSCmdlet, IDisposable
{
    private readonly List<Opening> _openings = [];
    private readonly BlockingCollection<Opening> _done = new();
    private readonly Queue<Opening> _waiting = new();
    private int _running;
    private volatile bool _stopping;

    /// <summary>How many are opened at once; 32 without it.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int ThrottleLimit { get; set; }

    /// <summary>Open a session when its turn has come.</summary>
    /// <param name="info">The way to the machine.</param>
    /// <param name="target">What an error is about.</param>
    /// <param name="arguments">What the far side gets as $PSSenderInfo.ApplicationArguments; or null.</param>
    /// <param name="name">The session's name; or null.</param>
    private protected void Open(
        RemoteConnectionInfo info, object target, PSPrimitiveDictionary? arguments, string? name)
    {
        Runspace runspace = RemoteRunspaces.Create(info, Host, arguments, name);
        Opening opening = new(target, runspace, info);
        _openings.Add(opening);
        _waiting.Enqueue(opening);
        BeginNext();
        WriteWhatIsDone(0);
    }

    /// <summary>Wait for the others.</summary>
    protected override void EndProcessing()
    {
        while (_running > 0 || _waiting.Count > 0)
        {
            WriteWhatIsDone(Timeout.Infinite);
        }
    }

    /// <summary>Give up what is not open yet.</summary>
    protected override void StopProcessing()
    {
        _stopping = true;
        foreach (Opening opening in _openings.ToArray())
        {
            if (!opening.Written)
            {
                opening.Runspace.CloseAsync();
            }
        }
    }

    /// <summary>Close what nobody was given.</summary>
    public void Dispose()
    {
        foreach (Opening opening in _openings)
        {
            if (!opening.Written && opening.Runspace.RunspaceStateInfo.State == RunspaceState.Opened)
            {
                opening.Runspace.Dispose();
            }
        }

        _openings.Clear();
    }

    private void BeginNext()
    {
        int limit = ThrottleLimit > 0 ? ThrottleLimit : 32;
        while (!_stopping && _running < limit && _waiting.TryDequeue(out Opening? opening))
        {
            _running++;
            opening.Begin(_done);
        }
    }

    private void WriteWhatIsDone(int milliseconds)
    {
        while (_running > 0 && _done.TryTake(out Opening? opening, milliseconds))
        {
            _running--;
            milliseconds = 0;
            if (_stopping)
            {
                _waiting.Clear();
                continue;
            }

            BeginNext();
            if (opening.Runspace.RunspaceStateInfo is { State: RunspaceState.Opened })
            {
                opening.Written = true;
                WriteObject(PSSession.Create(opening.Runspace, opening.Info.TransportName, this));
            }
            else
            {
                Exception reason = opening.Runspace.RunspaceStateInfo.Reason
                    ?? new InvalidOperationException($"{opening.Target}: the session was closed");
                WriteError(RemoteRunspaces.OpenFailure(reason, opening.Target));
                opening.Runspace.Dispose();
            }
        }
    }

    private sealed class Opening(object target, Runspace runspace, RemoteConnectionInfo info)
    {
        private int _told;

        public object Target => target;

        public Runspace Runspace => runspace;

        public RemoteConnectionInfo Info => info;

        public bool Written { get; set; }

        public void Begin(BlockingCollection<Opening> done)
        {
            runspace.StateChanged += (_, change) =>
            {
                if (change.RunspaceStateInfo.State
                        is RunspaceState.Opened or RunspaceState.Broken or RunspaceState.Closed
                    && Interlocked.Exchange(ref _told, 1) == 0)
                {
                    done.Add(this);
                }
            };
            runspace.OpenAsync();
        }
    }
}
