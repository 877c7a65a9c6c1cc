using System;
using System.Collections.Generic;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>Answers in the machine's place where it does not: the engine waits for some answers without end.</summary>
/// <remarks>
/// Those are the answers to the stop of a command, to its close, and to the close of the session. A
/// machine that has left one of them unanswered is not waited for again, until it answers after all:
/// a stop and the closes that follow it take no longer together than one of them. What then comes late
/// from the machine is not passed on, for the engine knows that command no more and would take it for
/// a damaged session.
/// </remarks>
/// <param name="session">The session's id.</param>
/// <param name="hasEnded">Whether the machine has told how a command ended.</param>
/// <param name="feed">Hands the engine a packet.</param>
internal sealed class Answers(Guid session, Func<Guid, bool> hasEnded, Action<string> feed)
{
    private const int Milliseconds = 1_500;

    private readonly object _lock = new();
    private readonly Dictionary<(Guid Id, bool Closes), Timer> _waiting = [];
    private readonly HashSet<(Guid Id, bool Closes)> _given = [];
    private bool _deaf;
    private bool _over;
    private bool _closed;

    /// <summary>Note that the engine waits for an answer from now on.</summary>
    /// <param name="id">The command's id; the empty one is the session's.</param>
    /// <param name="closes">Whether it is to a close, else to a stop.</param>
    /// <param name="atOnce">Whether it cannot come from the machine.</param>
    public void Expect(Guid id, bool closes, bool atOnce = false)
    {
        lock (_lock)
        {
            if (_closed)
            {
                return; // the session's close has been answered, which is the last answer
            }

            _given.Remove((id, closes)); // the engine uses an id again, for the chunks of a file
            Timer timer = new(_ => Give(id, closes));
            if (_waiting.TryAdd((id, closes), timer))
            {
                timer.Change(atOnce || _deaf || _over ? 0 : Milliseconds, Timeout.Infinite);
            }
            else
            {
                timer.Dispose();
            }
        }
    }

    /// <summary>Note that an answer has come from the machine.</summary>
    /// <returns>Whether the engine is to get it.</returns>
    public bool Arrived(Guid id, bool closes)
    {
        lock (_lock)
        {
            if (_given.Remove((id, closes)))
            {
                _deaf = false;
                return false;
            }

            if (_waiting.Remove((id, closes), out Timer? timer))
            {
                timer.Dispose();
            }

            _closed |= id == Guid.Empty;
            return true;
        }
    }

    /// <summary>The session fails: nothing is waited for any more.</summary>
    public void ExpectNone()
    {
        lock (_lock)
        {
            _deaf = true;
            foreach (Timer timer in _waiting.Values)
            {
                timer.Change(0, Timeout.Infinite);
            }
        }
    }

    /// <summary>The session is over: answer its close, and nothing else any more.</summary>
    public void End()
    {
        lock (_lock)
        {
            _over = true;
            foreach ((Guid id, bool closes) in new List<(Guid, bool)>(_waiting.Keys))
            {
                if (id == Guid.Empty)
                {
                    _waiting[(id, closes)].Change(0, Timeout.Infinite);
                }
                else if (_waiting.Remove((id, closes), out Timer? timer))
                {
                    timer.Dispose();
                }
            }
        }
    }

    private void Give(Guid id, bool closes)
    {
        lock (_lock)
        {
            if (!_waiting.Remove((id, closes), out Timer? timer))
            {
                return;
            }

            timer.Dispose();
            _given.Add((id, closes));
            _closed |= id == Guid.Empty;
            _deaf = true;
        }

        if (!closes && !hasEnded(id))
        {
            feed(Packet.Stopped(session, id));
        }

        feed(closes ? Packet.CloseAck(id) : Packet.SignalAck(id));
    }
}
