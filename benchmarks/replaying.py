"""A PowerShell that costs nothing: it says again what a real one has said.

Two hundred machines have processors of their own, and the machine that measures has two. So the
tests' WinRM server starts, in the place of ``pwsh -s``,

    python -m benchmarks.replaying FILE PWSH -s …

which answers with what the real one has said in a first session, and a file keeps.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import threading
import uuid
from pathlib import Path

NIL = str(uuid.UUID(int=0))
_PACKET = re.compile(r"<(\w+)(?: Stream='\w+')? PSGuid='([^']+)'\s*(?:/>|>([^<]*)<)")
# A fragment's head, and where a message names its runspace pool and its pipeline, behind its
# destination and its type (MS-PSRP, 2.2.4 and 2.2.1).
_HEAD = 21
_STARTS = 0b01
_POOL, _PIPELINE = _HEAD + 8, _HEAD + 24


def main() -> int:
    """Be ``pwsh -s``; gives the exit code."""
    path, words = Path(sys.argv[1]), sys.argv[2:]
    if not path.exists():
        _record(path, words)
    _replay(json.loads(path.read_text("ascii")))  # the recorder, too: the server keeps it
    return 0


def _record(path: Path, words: list[str]) -> None:
    """Stand between the server and the real one, and keep what it says until its session ends."""
    said: dict[str, list[str]] = {"session": [], "command": []}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as real:

        def hand_on() -> None:
            assert real.stdout is not None
            for line in real.stdout:
                found = _PACKET.match(line)
                if found is not None and found[1] == "Data":
                    if found[2] != NIL:
                        said["command"].append(found[3])
                    elif not said["command"]:  # later ones are about the end
                        said["session"].append(found[3])
                _say(line.rstrip("\n"))

        thread = threading.Thread(target=hand_on)
        thread.start()
        assert real.stdin is not None
        for line in sys.stdin:
            real.stdin.write(line)
            real.stdin.flush()
            if line.startswith("<Close") and NIL in line:
                break
        real.stdin.close()
        thread.join()
    path.write_text(json.dumps(said), "ascii")


def _replay(said: dict[str, list[str]]) -> None:
    pool, begun = b"", set[str]()
    for line in sys.stdin:
        found = _PACKET.match(line)
        if found is None:
            continue
        kind, identity, data = found.groups()
        _say(f"<{kind}Ack PSGuid='{identity}' />")
        if kind == "Close":
            begun.discard(identity)
        elif kind == "Data" and identity not in begun:
            begun.add(identity)
            if identity == NIL:
                pool = base64.b64decode(data)[_POOL : _POOL + 16]
            for packet in said["session" if identity == NIL else "command"]:
                text = _addressed(packet, pool, uuid.UUID(identity).bytes_le)
                _say(f"<Data Stream='Default' PSGuid='{identity}'>{text}</Data>")


def _addressed(packet: str, pool: bytes, pipeline: bytes) -> str:
    """The same fragments, for another session."""
    fragments = bytearray(base64.b64decode(packet))
    at = 0
    while at < len(fragments):
        if fragments[at + 16] & _STARTS:
            fragments[at + _POOL : at + _POOL + 16] = pool
            fragments[at + _PIPELINE : at + _PIPELINE + 16] = pipeline
        at += _HEAD + int.from_bytes(fragments[at + 17 : at + _HEAD], "big")
    return base64.b64encode(fragments).decode()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
