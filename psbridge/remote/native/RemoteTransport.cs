using System;
using System.Collections.Concurrent;
using System.Globalization;
using System.IO;
using System.Management.Automation.Internal;
using System.Management.Automation.Remoting;
using System.Management.Automation.Remoting.Client;
using System.Text;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>The engine's side of a session on another machine: its packets, in and out.</summary>
/// <remarks>
/// The engine makes and reads every message; a carrier of Python's brings them to the machine and
/// back. The packets are the engine's lines, `&lt;Data Stream='Default' PSGuid='…'&gt;base64&lt;/Data&gt;`
/// and so on; see `OutOfProcessUtils` in PowerShell's source.
///
/// Guarantees:
/// - The engine's writer only fills a queue. It is called under locks of the engine's, where
///   neither Python nor the network may be waited for.
/// - Packets go out in an order in which no stop overtakes its command: see <see cref="PacketOrder"/>.
/// - A session is open within its time, or fails with a reason. The engine has no such limit for a
///   transport that is not its own.
/// - A stop is answered within 1.5 s and a close within 2 s, whatever the machine does: where no
///   answer has come, the engine is told that it has. The carrier sees to the far side. A close is
///   answered at once where the session is over, be it that it fails in this very moment, and where
///   the command's stop got no answer: the engine would wait for a minute, with the job Running,
///   and begin with no other machine of the job meanwhile.
/// - After <see cref="Fail"/> or the end of the session nothing is fed any more, and the carrier is
///   told once to end what it does, by a thread on which it may take its time.
/// </remarks>
public sealed class RemoteTransport : ClientSessionTransportManagerBase
{
    private const int StopMilliseconds = 1_500;
    private const int CloseMilliseconds = 2_000;
    private const int SilentCloseMilliseconds = 200; // where a stop got no answer just before

    private readonly BlockingCollection<string> _packets = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Action<RemoteTransport> _open;
    private readonly PacketOrder _order;
    private readonly ConcurrentDictionary<Guid, Timer> _stops = new();
    private readonly ConcurrentDictionary<Guid, CommandEnd> _commands = new();
    private readonly ConcurrentDictionary<Guid, bool> _closes = new();
    private readonly Timer _openTimer;
    private readonly Timer _deadline;
    private readonly Timer _closeTimer;
    private Action? _end;
    private int _opened;
    private int _failed;
    private int _over;
    private int _closing;
    private int _closed;
    private volatile bool _heard;
    private volatile bool _silent;
    private (string Message, int Code)? _refusal;

    internal RemoteTransport(
        Guid id, PSRemotingCryptoHelper crypto, RemoteConnectionInfo info, Action<RemoteTransport> open)
        : base(id, crypto)
    {
        Id = id;
        Info = info;
        _open = open;
        _order = new PacketOrder(Put);
        _openTimer = new Timer(_ => OpenTimeIsUp());
        _deadline = new Timer(_ => DeadlineIsUp());
        _closeTimer = new Timer(_ => AnswerClose());
    }

    /// <summary>The session's id, which is the shell's.</summary>
    public Guid Id { get; }

    /// <summary>The way to the machine.</summary>
    public RemoteConnectionInfo Info { get; }

    /// <summary>Whether the session is open: the far side has answered the negotiation.</summary>
    public bool IsOpen => Volatile.Read(ref _opened) != 0;

    /// <summary>Whether it is over: failed, closed or given up.</summary>
    public bool IsOver => Volatile.Read(ref _over) != 0;

    /// <summary>What the carrier knows of why it takes so long: a part of the reason where time is up.</summary>
    public string Known { get; set; } = "";

    /// <summary>Begin the session; called by the engine, which must not wait here.</summary>
    public override void CreateAsync()
    {
        SetMessageWriter(new QueueWriter(this));
        if (Info.OpenMilliseconds > 0)
        {
            _openTimer.Change(Info.OpenMilliseconds, Timeout.Infinite);
        }

        if (Info.DeadlineMilliseconds > 0)
        {
            _deadline.Change(Info.DeadlineMilliseconds, Timeout.Infinite);
        }

        ThreadPool.QueueUserWorkItem(_ => Begin());
    }

    /// <summary>Take what the engine wants to send next.</summary>
    /// <param name="milliseconds">How long to wait for it; -1 for ever.</param>
    /// <returns>A packet; empty where there was none; null where there will be none.</returns>
    public string? Take(int milliseconds)
    {
        try
        {
            return _packets.TryTake(out string? packet, milliseconds, _ended.Token)
                ? packet
                : _packets.IsCompleted ? null : "";
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Hand the engine a packet from the machine; comes back at once.</summary>
    /// <param name="packet">One packet.</param>
    public void Feed(string packet)
    {
        if (IsOver)
        {
            return;
        }

        _heard = true;
        if (Packet.IsSignalAck(packet))
        {
            if (!_stops.TryRemove(Packet.IdOf(packet), out Timer? stop))
            {
                return; // its time was up: the engine has been told already
            }

            stop.Dispose();
        }

        if (Packet.EndsPipeline(packet) && _commands.TryGetValue(Packet.IdOf(packet), out CommandEnd? command))
        {
            command.Heard = true;
        }
        else if (Packet.IsCloseAck(packet))
        {
            Guid closed = Packet.IdOf(packet);
            if (closed != Guid.Empty && !_closes.TryRemove(closed, out _))
            {
                return; // the engine has been told already
            }

            _commands.TryRemove(closed, out _);
        }

        if (!IsOpen && Packet.IsSessionState(packet) && Interlocked.Exchange(ref _opened, 1) == 0)
        {
            _openTimer.Change(Timeout.Infinite, Timeout.Infinite);
        }

        if (Packet.IsCloseAck(packet) && Packet.IdOf(packet) == Guid.Empty
            && Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return; // it has been answered already
        }

        try
        {
            _order.Acknowledge(packet);
        }
        catch (IOException)
        {
            return; // over meanwhile
        }

        if (Info.Exit is not { } exit)
        {
            HandleDataReceived(packet);
        }
        else if (!exit.Takes(packet))
        {
            HandleDataReceived(packet);
            exit.After(packet);
        }
    }

    /// <summary>Feed the end of a stopped command that the far side ended without a word.</summary>
    /// <param name="command">The command's id.</param>
    public void FeedStopped(string command) => Feed(Packet.Stopped(Id, Guid.Parse(command)));

    /// <summary>Feed the end of a command that the carrier gives up; the session goes on.</summary>
    /// <param name="command">The command's id.</param>
    /// <param name="message">Why: the machine, what happened, and what to try.</param>
    /// <param name="errorId">What PowerShell is to call the error.</param>
    public void FeedFailed(string command, string message, string errorId) =>
        Feed(Packet.Failed(Id, Guid.Parse(command), message, errorId));

    /// <summary>Say that nothing comes any more from a command.</summary>
    /// <remarks>
    /// A command that did not tell how it ended, which the engine would wait for for ever, was
    /// stopped where a stop was asked for: the far side had not begun it yet. Otherwise it has failed.
    /// </remarks>
    /// <param name="command">The command's id.</param>
    /// <param name="message">Why it has failed, where it has.</param>
    /// <param name="errorId">What PowerShell is to call the error.</param>
    public void CommandEnded(string command, string message, string errorId)
    {
        Guid id = Guid.Parse(command);
        if (!_commands.TryGetValue(id, out CommandEnd? end) || end.Heard)
        {
            return;
        }

        Feed(end.Signalled ? Packet.Stopped(Id, id) : Packet.Failed(Id, id, message, errorId));
    }

    /// <summary>Note why the session is not open yet, which the open timeout then says.</summary>
    /// <param name="message">The reason so far.</param>
    /// <param name="errorCode">The code of Windows' for it; or 0.</param>
    public void NotOpenYet(string message, int errorCode) => _refusal = (message, errorCode);

    /// <summary>Let the session fail.</summary>
    /// <param name="message">Why: the machine, what happened, and what to try.</param>
    /// <param name="errorCode">The code of Windows', by which the engine names the error; or 0.</param>
    /// <param name="inner">What caused it, or null.</param>
    public void Fail(string message, int errorCode, Exception? inner)
    {
        if (IsOver || Interlocked.Exchange(ref _failed, 1) != 0)
        {
            return;
        }

        PSRemotingTransportException reason = inner is null ? new(message) : new(message, inner);
        reason.ErrorCode = errorCode;
        TransportMethodEnum when = IsOpen ? TransportMethodEnum.ReceiveShellOutputEx : TransportMethodEnum.CreateShellEx;
        // Not on the caller's thread: the engine answers by closing the session.
        ThreadPool.QueueUserWorkItem(_ =>
        {
            AnswerCommandCloses();
            RaiseErrorHandler(new TransportErrorOccuredEventArgs(reason, when));
            End();
        });
    }

    /// <summary>Tell what the carrier is to do when the session is over, once, at once if it is.</summary>
    /// <param name="end">Python's; it may take its time.</param>
    public void WhenOver(Action end)
    {
        _end = end;
        if (IsOver)
        {
            CallEnd();
        }
    }

    /// <summary>Close the session; called by the engine.</summary>
    public override void CloseAsync()
    {
        _openTimer.Change(Timeout.Infinite, Timeout.Infinite);
        base.CloseAsync();
        Volatile.Write(ref _closing, 1);
        // The session may end in this moment: then either this sees it, or its end sees the close.
        int patience = _silent ? SilentCloseMilliseconds : CloseMilliseconds;
        _closeTimer.Change(_heard && !IsOver ? patience : 0, Timeout.Infinite);
    }

    /// <inheritdoc/>
    protected override void CleanupConnection() => End();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            End();
            _openTimer.Dispose();
            _deadline.Dispose();
            _closeTimer.Dispose();
        }

        base.Dispose(disposing);
    }

    // On a thread of the pool: the first packet is made under no lock here, and Python may be called.
    private void Begin()
    {
        try
        {
            SendOneItem();
        }
        catch (IOException)
        {
            return; // over before it has begun
        }

        bool called = false;
        Border.TryCall(() =>
        {
            called = true;
            _open(this);
        });
        if (!called)
        {
            Fail("Python is ending, so no session can be opened any more", 0, null);
        }
    }

    private void Write(string packet)
    {
        if (Packet.IsCommand(packet))
        {
            // The engine uses an id again, for each part of a file that Copy-Item brings.
            _commands[Packet.IdOf(packet)] = new CommandEnd();
        }
        else if (Packet.IsSignal(packet))
        {
            Guid command = Packet.IdOf(packet);
            if (_commands.TryGetValue(command, out CommandEnd? end))
            {
                end.Signalled = true;
            }

            Timer timer = new(_ => StopTimeIsUp(command), null, StopMilliseconds, Timeout.Infinite);
            if (!_stops.TryAdd(command, timer))
            {
                timer.Dispose();
            }
        }
        else if (Packet.IsClose(packet) && Packet.IdOf(packet) is var closing && closing != Guid.Empty)
        {
            _closes[closing] = true;
            bool failed = Volatile.Read(ref _failed) != 0;
            bool givenUp = _commands.TryGetValue(closing, out CommandEnd? end) && end.GivenUp;
            if (failed || givenUp)
            {
                // Not on this thread: the engine writes under a lock.
                ThreadPool.QueueUserWorkItem(_ => AnswerCommandClose(closing));
            }

            if (failed)
            {
                return;
            }
        }

        _order.Send(packet);
    }

    private void AnswerCommandCloses()
    {
        foreach (Guid command in _closes.Keys)
        {
            AnswerCommandClose(command);
        }
    }

    private void AnswerCommandClose(Guid command)
    {
        if (_closes.TryRemove(command, out _))
        {
            HandleDataReceived(Packet.CloseAck(command));
        }
    }

    private void Put(string packet)
    {
        try
        {
            _packets.Add(packet);
        }
        catch (Exception error) when (error is InvalidOperationException or ObjectDisposedException)
        {
            if (Packet.IsClose(packet) && Packet.IdOf(packet) == Guid.Empty)
            {
                _closed = 1; // the engine takes the exception for the answer
            }

            // Of the kinds that the engine expects where a transport has gone.
            throw new IOException("the session is over", error);
        }
    }

    private void StopTimeIsUp(Guid command)
    {
        if (_stops.ContainsKey(command))
        {
            _silent = true;
            bool known = _commands.TryGetValue(command, out CommandEnd? end);
            if (known)
            {
                end!.GivenUp = true;
            }

            if (!known || !end!.Heard)
            {
                Feed(Packet.Stopped(Id, command));
            }

            Feed(Packet.SignalAck(command));
        }
    }

    private void OpenTimeIsUp()
    {
        if (!IsOpen)
        {
            string seconds = (Info.OpenMilliseconds / 1000.0).ToString("0.#", CultureInfo.InvariantCulture);
            string time = $"no PowerShell session within {seconds} s (the open timeout)";
            if (_refusal is { } refusal)
            {
                Fail($"{refusal.Message}; {time}", refusal.Code, null);
                return;
            }

            Fail(
                $"{Info.ComputerName}: {time}; the machine accepts connections but does not answer, "
                + "or it is not reachable" + (Known.Length > 0 ? $"; {Known}" : ""),
                0,
                null);
        }
    }

    private void DeadlineIsUp()
    {
        string seconds = (Info.DeadlineMilliseconds / 1000.0).ToString("0.#", CultureInfo.InvariantCulture);
        Fail(
            $"{Info.ComputerName}: the time of {seconds} s is up; what ran there has been stopped",
            0,
            null);
    }

    // Not through Feed, which is for what comes from the machine, and only until the end.
    private void AnswerClose()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            HandleDataReceived(Packet.CloseAck(Guid.Empty));
        }
    }

    private void End()
    {
        if (Interlocked.Exchange(ref _over, 1) != 0)
        {
            return;
        }

        _packets.CompleteAdding();
        _ended.Cancel();
        foreach (Guid command in _stops.Keys)
        {
            if (_stops.TryRemove(command, out Timer? stop))
            {
                stop.Dispose();
            }
        }

        _deadline.Change(Timeout.Infinite, Timeout.Infinite);
        if (Volatile.Read(ref _closing) != 0)
        {
            ThreadPool.QueueUserWorkItem(_ => AnswerClose());
        }

        CallEnd();
    }

    private void CallEnd()
    {
        if (Interlocked.Exchange(ref _end, null) is { } end)
        {
            ThreadPool.QueueUserWorkItem(_ => Border.TryCall(end));
        }
    }

    private sealed class CommandEnd
    {
        /// <summary>Whether a stop was asked for.</summary>
        public volatile bool Signalled;

        /// <summary>Whether the far side has told how it ended.</summary>
        public volatile bool Heard;

        /// <summary>Whether the stop got no answer in time, so that nothing more is waited for.</summary>
        public volatile bool GivenUp;
    }

    private sealed class QueueWriter(RemoteTransport owner) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void WriteLine(string? value) => owner.Write(value ?? "");
    }
}
