"""The rules of a machine: which requests something is done to."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field

from .faults import Effect

CONNECTION = "connection"  # when a connection is accepted
REQUEST = "request"  # any HTTP request, before it is looked at
ANY = "any"  # any request to the service, after the logon


@dataclass
class Rule:
    """An effect, and which of the requests that it is for have it. Requests count from 1."""

    number: int
    effect: Effect
    on: str = ANY  # or an action, or one of the words above
    shell: str | None = None
    command: str | None = None
    first: int | None = None  # the first so many
    numbers: tuple[int, ...] = ()  # these
    every: int | None = None  # each so many-th
    chance: float | None = None  # a part of them, from 0 to 1
    seed: int = 0
    per_shell: bool = False  # each shell has its own count
    seen: Counter[str | None] = field(default_factory=Counter)
    hits: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def is_for(self, on: str, shell: str | None, command: str | None) -> bool:
        """Whether it looks at such a request."""
        if self.on != on and not (self.on == ANY and on not in (CONNECTION, REQUEST)):
            return False
        if self.shell is not None and (shell or "").upper() != self.shell.upper():
            return False
        return self.command is None or (command or "").upper() == self.command.upper()

    def is_due(self, shell: str | None) -> bool:
        """Count a request; tell whether it is one that has the effect."""
        key = (shell or "").upper() if self.per_shell else None
        self.seen[key] += 1
        at = self.seen[key]
        if self.first is not None and at > self.first:
            return False
        if self.numbers and at not in self.numbers:
            return False
        if self.every is not None and at % self.every:
            return False
        return self.chance is None or self._random.random() < self.chance


class Rules:
    """All rules of a machine, in their order: the first that is due has a request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[int, Rule] = {}
        self._next = 0

    def add(self, effect: Effect, **which: object) -> int:
        """Add one; give its number."""
        with self._lock:
            self._next += 1
            self._rules[self._next] = Rule(self._next, effect, **which)  # type: ignore[arg-type]
            return self._next

    def remove(self, number: int) -> None:
        """Remove one that may be gone already."""
        with self._lock:
            self._rules.pop(number, None)

    def clear(self) -> None:
        """Remove all."""
        with self._lock:
            self._rules.clear()

    def hits(self, number: int) -> int:
        """How many requests a rule has had its effect on."""
        with self._lock:
            rule = self._rules.get(number)
            return 0 if rule is None else rule.hits

    def due(self, on: str, shell: str | None = None, command: str | None = None) -> Rule | None:
        """The rule for a request; each that looks at it counts it."""
        with self._lock:
            found = [
                rule
                for rule in self._rules.values()
                if rule.is_for(on, shell, command) and rule.is_due(shell)
            ]
            if not found:
                return None
            found[0].hits += 1
            return found[0]
