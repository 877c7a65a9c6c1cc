using System;
using System.Collections.Generic;
using System.IO;
using System.Threading;

namespace PSBridge.Remote;

/// <summary>Holds stops and closes back until what they are about has arrived.</summary>
/// <remarks>
/// The far side runs packets on several threads.
/// - A stop that overtakes its own command is lost there, and the engine takes a command that then ends
///   for a failure: 38 of 150 early stops ended as Failed. So a Signal waits until Command and all of its
///   data are acknowledged, and a Close until Command is.
/// - The far side acknowledges a command before it runs. A stop in between is answered with Stopped, and
///   then the command runs after all, until the session is closed: one of a thousand early stops on a
///   busy machine. Nothing says that a command runs but its first output. So without any a Signal waits
///   a moment more.
/// - The far side says that a command has stopped before it is done with it, and refuses the next one
///   until it is ("a pipeline is already running"). So a Close, after which the engine sends the next
///   one, waits until the Signal is acknowledged.
/// </remarks>
internal sealed class PacketOrder(Action<string> send)
{
    // How long a far side may take from the acknowledgement of a command to its beginning.
    private const int BeginMilliseconds = 100;

    private readonly Dictionary<Guid, Begun> _commands = [];

    /// <summary>Send a packet now, or when its turn has come.</summary>
    public void Send(string packet)
    {
        Guid id = Packet.IdOf(packet);
        lock (_commands)
        {
            if (Packet.IsCommand(packet))
            {
                _commands[id] = new Begun();
            }
            else if (_commands.TryGetValue(id, out Begun? command))
            {
                if (Packet.IsData(packet))
                {
                    command.Sent++;
                }
                else if (Packet.IsSignal(packet))
                {
                    command.Signal = packet;
                    Release(id, command);
                    return;
                }
                else if (Packet.IsClose(packet))
                {
                    command.Close = packet;
                    Release(id, command);
                    return;
                }
            }

            send(packet);
        }
    }

    /// <summary>Note a packet from the far side.</summary>
    public void Arrived(string packet)
    {
        Guid id = Packet.IdOf(packet);
        if (id == Guid.Empty)
        {
            return;
        }

        lock (_commands)
        {
            if (!_commands.TryGetValue(id, out Begun? command))
            {
                return;
            }

            if (Packet.IsCommandAck(packet))
            {
                command.Acknowledged = true;
            }
            else if (Packet.IsDataAck(packet))
            {
                command.Arrived++;
                command.ArrivedAt = Environment.TickCount64;
            }
            else if (Packet.IsSignalAck(packet))
            {
                command.Signaled = false;
            }
            else if (Packet.IsData(packet))
            {
                command.Runs = true;
            }

            if (command.Signal is not null || command.Close is not null)
            {
                Release(id, command);
            }
        }
    }

    private void Release(Guid id, Begun command)
    {
        if (command.Signal is { } signal)
        {
            // A close ends the sending of data, so what is not acknowledged then will not be.
            bool closes = command.Close is not null;
            if (!command.Acknowledged || !(command.HasArrived || closes))
            {
                return;
            }

            long wait = command.Runs || closes ? 0 : command.ArrivedAt + BeginMilliseconds - Environment.TickCount64;
            if (wait > 0)
            {
                command.Later ??= new Timer(_ => ReleaseLater(id, command), null, wait, Timeout.Infinite);
                return;
            }

            command.Signal = null;
            command.Signaled = true;
            command.Later?.Dispose();
            send(signal);
        }

        if (command.Close is { } close && command.Acknowledged && !command.Signaled)
        {
            _commands.Remove(id);
            send(close);
        }
    }

    private void ReleaseLater(Guid id, Begun command)
    {
        lock (_commands)
        {
            command.Later = null;
            try
            {
                if (_commands.TryGetValue(id, out Begun? current) && current == command)
                {
                    Release(id, command);
                }
            }
            catch (IOException)
            {
                // over meanwhile
            }
        }
    }

    private sealed class Begun
    {
        /// <summary>A Signal that waits for its turn.</summary>
        public string? Signal { get; set; }

        /// <summary>Wakes it when nothing else does.</summary>
        public Timer? Later { get; set; }

        /// <summary>A Close that waits for its turn.</summary>
        public string? Close { get; set; }

        /// <summary>Whether a Signal was sent that is not acknowledged.</summary>
        public bool Signaled { get; set; }

        /// <summary>Whether it is seen to run.</summary>
        public bool Runs { get; set; }

        public bool Acknowledged { get; set; }

        public int Sent { get; set; }

        public int Arrived { get; set; }

        /// <summary>When data of it was last acknowledged.</summary>
        public long ArrivedAt { get; set; }

        public bool HasArrived => Acknowledged && Sent > 0 && Sent == Arrived;
    }
}
