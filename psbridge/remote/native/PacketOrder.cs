using System;
using System.Collections.Generic;

namespace PSBridge.Remote;

/// <summary>Holds stops and closes back until what they are about has arrived.</summary>
/// <remarks>
/// The far side runs packets on several threads. A stop that overtakes its own command is lost
/// there, and the engine takes a command that then ends for a failure: 38 of 150 early stops ended
/// as Failed. So a Signal waits until Command and all of its data are acknowledged, and a Close
/// until Command is.
/// </remarks>
internal sealed class PacketOrder(Action<string> send)
{
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
                else if (Packet.IsSignal(packet) && !command.HasArrived)
                {
                    command.Held.Add(packet);
                    return;
                }
                else if (Packet.IsClose(packet))
                {
                    if (!command.Acknowledged)
                    {
                        command.Held.Add(packet);
                        return;
                    }

                    Release(command);
                    _commands.Remove(id);
                }
            }

            send(packet);
        }
    }

    /// <summary>Note a packet from the far side.</summary>
    public void Acknowledge(string packet)
    {
        bool ofCommand = Packet.IsCommandAck(packet);
        if (!ofCommand && !Packet.IsDataAck(packet))
        {
            return;
        }

        Guid id = Packet.IdOf(packet);
        lock (_commands)
        {
            if (!_commands.TryGetValue(id, out Begun? command))
            {
                return;
            }

            if (ofCommand)
            {
                command.Acknowledged = true;
            }
            else
            {
                command.Arrived++;
            }

            bool closes = command.Held.Exists(Packet.IsClose);
            if (command.HasArrived || (ofCommand && closes))
            {
                Release(command);
                if (closes)
                {
                    _commands.Remove(id);
                }
            }
        }
    }

    private void Release(Begun command)
    {
        foreach (string packet in command.Held)
        {
            send(packet);
        }

        command.Held.Clear();
    }

    private sealed class Begun
    {
        public List<string> Held { get; } = [];

        public bool Acknowledged { get; set; }

        public int Sent { get; set; }

        public int Arrived { get; set; }

        public bool HasArrived => Acknowledged && Sent > 0 && Sent == Arrived;
    }
}
