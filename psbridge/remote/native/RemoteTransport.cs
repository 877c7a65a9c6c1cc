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
/// - Stops and closes are answered within 1.5 s, whatever the machine does: see <see cref="Answers"/>.
///   The carrier sees to the far side. A close is answered at once where the session is over, be it
///   that it fails in this very moment: the engine would wait for a minute, and begin with no other
///   machine of the job meanwhile.
/// - After <see cref="Fail"/> or the end of the session nothing is fed any more, and the carrier is
///   told once to end what it does, by a thread on which it may take its time.
/// </remarks>
public sealed class RemoteTransport : ClientSessionTransportManagerBase
{
    private readonly BlockingCollection<string> _packets = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Action<RemoteTransport> _open;
    private readonly PacketOrder _order;
    private readonly Answers _answers;
    private readonly ConcurrentDictionary<Guid, CommandEnd> _commands = new();
    private readonly Timer _openTimer;
    private readonly Timer _deadline;
    private Action? _end;
    private int _opened;
    private int _failed;
    private int _over;
    private bool _closeRefused;
    private volatile bool _closes;
    private volatile bool _heard;
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
        _answers = new Answers(id, HasEnded, FeedOwn);
    }

    /// <summary>The session's id, which is the shell's.</summary>
    public Guid Id { get; }

    /// <summary>The way to the machine.</summary>
    public RemoteConnectionInfo Info { get; }

    /// <summary>Whether the session is open: the far side has answered the negotiation.</summary>
    public bool IsOpen => Volatile.Read(ref _opened) != 0;

    /// <summary>Whether it is over: failed, closed or given up.</summary>
    public bool IsOver => Volatile.Read(ref _over) != 0;

    /// <summary>Python's: what the carrier knows of why there is no session yet; empty for nothing.</summary>
    /// <remarks>Called where time is up, for its answer is a part of the reason then.</remarks>
    public Func<string>? Known { get; set; }

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
            while (_packets.TryTake(out string? packet, milliseconds, _ended.Token))
            {
                if (!Packet.IsData(packet) || !_answers.HasClosed(Packet.IdOf(packet)))
                {
                    return packet;
                }

                // Stopped and closed while the machine answered nothing: it is not to begin now.
                _order.Arrived(Packet.DataAck(Packet.IdOf(packet)));
            }

            return _packets.IsCompleted ? null : "";
        }
        catch (IOException)
        {
            return null; // over meanwhile
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
        if (!IsOpen && Packet.IsSessionState(packet) && Interlocked.Exchange(ref _opened, 1) == 0)
        {
            _openTimer.Change(Timeout.Infinite, Timeout.Infinite);
        }

        try
        {
            _order.Arrived(packet);
        }
        catch (IOException)
        {
            return; // over meanwhile
        }

        bool closes = Packet.IsCloseAck(packet);
        if ((closes || Packet.IsSignalAck(packet)) && !_answers.Arrived(Packet.IdOf(packet), closes))
        {
            return;
        }

        if (closes)
        {
            _commands.TryRemove(Packet.IdOf(packet), out _);
        }

        if (Packet.IsCommandAck(packet) && _answers.HasClosed(Packet.IdOf(packet)))
        {
            return; // the engine knows it no more, and would take this for a damaged session
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

        // Not before: an acknowledged stop whose end the engine has not got yet is a failure to it.
        if (Packet.EndsPipeline(packet) && _commands.TryGetValue(Packet.IdOf(packet), out CommandEnd? end))
        {
            end.Heard = true;
        }
    }

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

        if (_closes)
        {
            // A consequence, as of a command on its way to a shell that is deleted: the engine would take
            // it for what has ended a job that was stopped, or that has completed.
            End();
            return;
        }

        PSRemotingTransportException reason = inner is null ? new(message) : new(message, inner);
        reason.ErrorCode = errorCode;
        TransportMethodEnum when = IsOpen ? TransportMethodEnum.ReceiveShellOutputEx : TransportMethodEnum.CreateShellEx;
        // Not on the caller's thread: the engine answers by closing the session.
        ThreadPool.QueueUserWorkItem(_ =>
        {
            _answers.ExpectNone();
            RaiseErrorHandler(new TransportErrorOccuredEventArgs(reason, when));
            End();
        });
    }

    /// <summary>Tell what the carrier is to do when the session is over, once, at once if it is.</summary>
    /// <param name="end">Python's; it may take its time.</param>
    public void WhenOver(Action end)
    {
        // With a fence behind it: either this sees the end, or the end sees this.
        Interlocked.Exchange(ref _end, end);
        if (IsOver)
        {
            CallEnd();
        }
    }

    /// <summary>Close the session; called by the engine.</summary>
    public override void CloseAsync()
    {
        _closes = true;
        _openTimer.Change(Timeout.Infinite, Timeout.Infinite);
        base.CloseAsync();
        if (!_closeRefused)
        {
            // The session may end in this moment: then either this sees it, or its end sees the close.
            _answers.Expect(Guid.Empty, closes: true, atOnce: !_heard || IsOver);
        }
    }

    /// <inheritdoc/>
    protected override void CleanupConnection() => End();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // It stops the timers. They are not disposed of: another thread may still reach for one.
            End();
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
        bool closes = Packet.IsClose(packet);
        bool stops = Packet.IsSignal(packet);
        Guid id = Packet.IdOf(packet);
        if (Packet.IsCommand(packet))
        {
            // The engine uses an id again, for each part of a file that Copy-Item brings.
            _commands[id] = new CommandEnd();
        }
        else if (stops && _commands.TryGetValue(id, out CommandEnd? end))
        {
            end.Signalled = true;
        }

        if (id != Guid.Empty && (closes || stops))
        {
            _answers.Expect(id, closes);
        }

        _order.Send(packet);
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
                _closeRefused = true; // the engine takes the exception for the answer
            }

            // Of the kinds that the engine expects where a transport has gone.
            throw new IOException("the session is over", error);
        }
    }

    private void OpenTimeIsUp()
    {
        if (!IsOpen)
        {
            string time = $"no PowerShell session within {Seconds(Info.OpenMilliseconds)} (the open timeout)";
            if (_refusal is { } refusal)
            {
                Fail($"{refusal.Message}; {time}", refusal.Code, null);
                return;
            }

            Fail(
                $"{Info.ComputerName}: {time}; the machine accepts connections but does not answer, "
                + "or it is not reachable" + WhatIsKnown(),
                0,
                null);
        }
    }

    private void DeadlineIsUp()
    {
        string what = IsOpen ? "what ran there is stopped" : "there is no PowerShell session yet" + WhatIsKnown();
        Fail($"{Info.ComputerName}: the time of {Seconds(Info.DeadlineMilliseconds)} is up; {what}", 0, null);
    }

    // An answer of ours, in the machine's place. What waits for the machine's goes out then, too: the
    // Close of a command behind its Signal, by which a machine that is slow gets rid of it after all.
    private void FeedOwn(string packet)
    {
        try
        {
            _order.Arrived(packet);
        }
        catch (IOException)
        {
            // over meanwhile
        }

        HandleDataReceived(packet);
    }

    private bool HasEnded(Guid command) => _commands.TryGetValue(command, out CommandEnd? end) && end.Heard;

    private string WhatIsKnown()
    {
        string known = "";
        Border.TryCall(() => known = Known?.Invoke() ?? "");
        return known.Length > 0 ? $"; {known}" : "";
    }

    private static string Seconds(int milliseconds) =>
        (milliseconds / 1000.0).ToString("0.#", CultureInfo.InvariantCulture) + " s";

    private void End()
    {
        if (Interlocked.Exchange(ref _over, 1) != 0)
        {
            return;
        }

        _packets.CompleteAdding();
        _ended.Cancel();
        _openTimer.Change(Timeout.Infinite, Timeout.Infinite);
        _deadline.Change(Timeout.Infinite, Timeout.Infinite);
        _answers.End();
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
    }

    private sealed class QueueWriter(RemoteTransport owner) : TextWriter
    {
        public override Encoding Encoding => Encoding.UTF8;

        public override void WriteLine(string? value) => owner.Write(value ?? "");
    }
}
