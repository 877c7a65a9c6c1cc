"""A session carried over WinRM to a machine's PowerShell endpoint.

| the engine writes | goes out | is fed back |
|---|---|---|
| the session's first Data | Create; then Receives of the shell | DataAck |
| Command X | nothing | CommandAck at once |
| X's first Data | Command; then Receives of X | DataAck |
| later Data | Send, to ``stdin`` or, for the host's answers, to ``pr`` | DataAck |
| Signal X | Signal ``crtl_c`` | SignalAck, when X's Receives have ended |
| Close X | Signal ``terminate``, when there is nothing else to send | CloseAck at once |
| Close of the session | Delete | CloseAck |

Threads: one sends, and has cleaned up when it ends; one listens to the shell; one to each command
that runs. Each has a connection to itself while it has asked something, see `Connections`. An open
shell has nothing to say as a rule, so its listener rests for a second first: a job of one short
command has one connection and one logon. A session that runs one command after the other has two
or three.

Guarantees:

- Create, Command and Send are never repeated where the machine may have taken them. A Command or a
  Send whose fate is unknown, which the timed-out fault after them means, too, is terminated, and
  its command fails; the session goes on.
- On every way out the shell is deleted, with what runs in it: the session was closed, has failed,
  was given up by its timers, the program ends. Where the connection was cut, on a new one.
- A command that has not told its end has failed, and what it had told stays.
- `finished` is called when no thread of the session runs any more, but for one that the machine
  keeps waiting and that has been cut off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ..carrying import Carrier, FanOut
from .connection import Connection
from .connections import Connections
from .cookies import ShellCookies
from .endings import is_gone
from .errors import LogonRefused, RequestError
from .logons import Admission
from .messages import Envelope, Messages
from .packets import Packet, acknowledgement, data_packet, read_packet
from .receiving import GRACE_SECONDS, LONGEST_SILENCES, Listener, Lost
from .running import Command
from .sending import Sender
from .shell import Shell

if TYPE_CHECKING:
    from .target import WinRM

__all__ = ["WinRMCarrier"]

# How long what ends a command may take, beyond which it is left to the Delete of the shell.
_TERMINATE_SECONDS = 10.0
# For how long the engine must have nothing else to send before a closed command is terminated: so
# neither the next command waits for that, nor the Delete, with which it would be for nothing.
_TERMINATE_MILLISECONDS = 10
# How long a Receive of a command that was terminated may wait on for its answer.
_LAST_ANSWER_SECONDS = 1.0
# After how long without a request the machine removes a shell, where the user does not say: what no
# Delete reaches is gone then (the program was killed, or ended while its Create was not answered),
# and not in Windows' two hours. A session asks all the time, so a pause between calls is not idle;
# the longest is while a machine that is silent is asked anew. Not less than this: a program that
# was stopped by Ctrl+Z, or slept with its laptop, asks for nothing and is to find its session.
_IDLE_SECONDS = 900.0


class WinRMCarrier(Carrier):
    """Carries one session; see the module."""

    def __init__(self, transport: Any, target: WinRM, fan_out: FanOut) -> None:
        """Make the carrier of a session.

        Args:
            transport: its ``RemoteTransport``.
            target: the machine.
            fan_out: what it has in common with other sessions.
        """
        super().__init__(transport)
        self._target = target
        cookies = ShellCookies()
        admission = Admission()
        self._connections = Connections(lambda: Connection(target, cookies, fan_out, admission))
        self._sender = Sender(self._connections)
        self._messages = Messages(
            Connection(target, cookies, fan_out).header,
            str(transport.Id),
            target.configuration,
            name=f"psbridge {target.location}",
            idle_timeout=_idle_timeout(target),
            no_profile=target.no_profile,
        )
        self._shell = Shell(
            self._connections,
            self._messages,
            name=target.location,
            open_timeout=target.open_timeout,
        )
        self._over = threading.Event()
        self._cleans_up = threading.Event()
        self._listener: Listener | None = None
        self._commands: dict[str, Command] = {}
        self._closed: dict[str, Command] = {}  # those that are to be terminated

    def begin(self) -> None:
        """Start the thread that sends."""
        name = f"psbridge sends to {self._target.location}"
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def end(self) -> None:
        """The session is over: let the thread that sends clean up, also where it waits."""
        self._over.set()
        self._connections.end_waiting()
        self._sender.cut()
        self._shell.give_up()

    def silence(self) -> float:
        """See `Carrier`."""
        return self._connections.silence()

    def _run(self) -> None:
        try:
            try:
                self._carry_all()
            finally:
                self._clean_up()
        except Exception as error:
            self.fail(self._own_fault(error))
        finally:
            self._connections.close()
            self.finished()

    def _carry_all(self) -> None:
        try:
            while (line := self._next()) is not None:
                packet = read_packet(line)
                self._carry(packet)
                if packet.kind == "Close" and packet.command is None:
                    return
        except RequestError as error:
            self.fail(str(error), error.code)
        except Exception as error:
            self.fail(self._own_fault(error))

    def _next(self) -> str | None:
        """Wait for a packet; None where there will be none."""
        while not self._over.is_set():
            line: str | None = self.transport.Take(_TERMINATE_MILLISECONDS if self._closed else -1)
            if line != "":
                return line
            self._terminate(*self._closed)
        return None

    def _carry(self, packet: Packet) -> None:
        kind, identity = packet.kind, packet.command
        if kind == "Data" and identity is None:
            self._carry_to_shell(packet)
        elif kind == "Data" and identity is not None:
            self._carry_to_command(identity, packet)
        elif kind == "Signal" and identity is not None:
            self._stop(identity)
            return
        elif kind == "Close" and identity is not None:
            self._close(identity)
        elif kind == "Close":
            self._clean_up()
        self.transport.Feed(acknowledgement(kind, identity))

    # The shell.

    def _carry_to_shell(self, packet: Packet) -> None:
        if self._listener is not None:
            self._send(self._messages.send(None, packet.data, answer=packet.answers))
            self._listener.rest_no_longer()  # there may be an answer
            return
        self.transport.Info.AuthenticatedWith = self._shell.create(packet.data, self._not_open_yet)
        self._listener = self._listen(None, self._hear, self._shell_ended, self._is_open)
        self._listener.start()

    def _is_open(self) -> bool:
        return bool(self.transport.IsOpen)

    def _not_open_yet(self, error: RequestError) -> None:
        self.transport.NotOpenYet(str(error), _signed(error.code))

    def _hear(self, fragments: str) -> None:
        self.transport.Feed(data_packet(None, fragments))

    def _shell_ended(self, error: Exception | None) -> None:
        if error is not None:
            self.fail(*self._lost(error))
        elif not self._cleans_up.is_set():
            self.fail(f"{self._target.location}: the machine has ended the session")

    # Commands.

    def _carry_to_command(self, identity: str, packet: Packet) -> None:
        command = self._commands.get(identity)
        begins = command is None
        if command is None:
            if identity in self._closed:
                self._terminate(identity)
            command = self._commands[identity] = Command(self.transport, identity)
        elif command.failed:
            return  # what is left of its input has nowhere to go
        try:
            if begins:
                self._send(self._messages.command(identity, packet.data))
                ended = partial(self._command_ended, command)
                command.listen(self._listen(identity, command.hear, ended))
            else:
                self._send(self._messages.send(identity, packet.data, answer=packet.answers))
        except LogonRefused:
            raise
        except RequestError as error:
            if not is_gone(error):
                command.fail(f"{error}; the command was given up")
            elif not command.has_ended:  # else it needs no input any more
                raise RequestError(*self._lost(error)) from None

    def _command_ended(self, command: Command, error: Exception | None) -> None:
        if error is not None and not (command.is_stopped and is_gone(error)):
            self.fail(*self._lost(error))
        else:
            command.ended(
                f"{self._target.location}: the machine has ended the command without telling how "
                "it ended; its process may have been ended"
            )

    def _stop(self, identity: str) -> None:
        command = self._commands.get(identity)
        if command is None:
            self.transport.Feed(acknowledgement("Signal", identity))
            return
        command.is_stopped = True
        try:
            self._send(self._messages.stop(identity), self._target.cancel_timeout)
        except LogonRefused:
            raise
        except RequestError:
            # It has ended, or nobody knows whether it will: then this ends it.
            self._terminate_once(identity)
        command.stopped()

    def _close(self, identity: str) -> None:
        command = self._commands.pop(identity, None)
        if command is not None:
            command.close()
            # One may wait for its turn: they count there, and must not pile up.
            self._terminate(*self._closed)
            self._closed[identity] = command

    def _terminate(self, *identities: str) -> None:
        """Let the machine forget commands, which count until then."""
        for identity in identities:
            command = self._closed.pop(identity)
            self._terminate_once(identity)
            if command.listener is not None:
                command.listener.wait(_LAST_ANSWER_SECONDS)
                command.listener.leave()

    def _terminate_once(self, identity: str) -> None:
        seconds = min(self._target.cancel_timeout, _TERMINATE_SECONDS)
        try:
            self._send(self._messages.terminate(identity), seconds)
        except LogonRefused:
            raise
        except RequestError:
            pass  # it is gone, or will go with the shell

    def _listen(
        self,
        identity: str | None,
        hear: Callable[[str], None],
        ended: Callable[[Exception | None], None],
        rests_when: Callable[[], bool] | None = None,
    ) -> Listener:
        return Listener(
            self._connections,
            self._messages,
            identity,
            poll=self._target.operation_timeout,
            retries=self._target.retries,
            hear=hear,
            ended=ended,
            rests_when=rests_when,
        )

    # Both.

    def _send(self, envelope: Envelope, seconds: float | None = None) -> None:
        if seconds is None:
            seconds = self._target.operation_timeout + GRACE_SECONDS
        self._sender.send(envelope, seconds)

    def _lost(self, error: Exception) -> tuple[str, int]:
        """The reason, and its code, of a session that is lost while it is in use."""
        tries = ""
        if isinstance(error, Lost) and isinstance(error.__cause__, RequestError):
            if error.tries > 1:
                tries = f" ({error.tries} tries in {error.seconds:.0f} s)"
            error = error.__cause__
        if not isinstance(error, RequestError):
            return self._own_fault(error), 0
        return (
            f"{error}; the session was lost while it was in use{tries}: the machine or WinRM may "
            "have restarted, or the session's process was ended there; what ran may not have ended",
            error.code,
        )

    def _own_fault(self, error: Exception) -> str:
        return (
            f"{self._target.location}: psbridge could not carry the session on, "
            f"which is a fault of its own ({type(error).__name__}: {error})"
        )

    def _clean_up(self) -> None:
        if self._cleans_up.is_set():
            return
        self._cleans_up.set()
        commands = [*self._commands.values(), *self._closed.values()]
        listeners = [one.listener for one in commands if one.listener is not None]
        if self._listener is not None:
            listeners.append(self._listener)
        for listener in listeners:
            listener.expect_end()
        if self._shell.may_exist:
            if self._listener is not None and not self._listener.is_listening():
                # Some delete a shell only while a Receive of it waits.
                listener = self._listen(None, self._hear, lambda error: None)
                listener.expect_end()
                listener.start()
                listeners.append(listener)

            def retire() -> None:
                for one in listeners:
                    one.retire()

            # Refused anew, the session has only what its listeners use.
            self._shell.delete(retire, self._target.operation_timeout)
        for listener in listeners:
            listener.leave()


def _idle_timeout(target: WinRM) -> float:
    if target.idle_timeout is not None:
        return target.idle_timeout
    return max(_IDLE_SECONDS, LONGEST_SILENCES * (target.operation_timeout + GRACE_SECONDS) + 30.0)


def _signed(code: int) -> int:
    return (code + 2**31) % 2**32 - 2**31
