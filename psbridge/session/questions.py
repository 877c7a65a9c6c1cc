"""What PowerShell asks, and the program that answers instead of a user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any
from weakref import ref

from ..engine.instances import is_net_of
from ..errors import DeclarationError, PsbridgeError

if TYPE_CHECKING:
    from .runs import RunningRunspace

__all__ = ["Answers", "Question", "answer_call", "check_answers"]


@dataclass(frozen=True)
class Question:
    """What PowerShell asks its host: Read-Host, a mandatory parameter, -Confirm, Get-Credential.

    Attributes:
        kind: ``"text"``, ``"secret"``, ``"choice"``, ``"choices"`` (any number of them) or
            ``"credential"``.
        caption: its heading; may be empty.
        message: what it says; may be empty.
        name: what is wanted: a parameter's name, or what Read-Host asks; may be empty.
        type_name: the .NET type of the answer, such as ``"System.Int32[]"``.
        help: the help that there is; may be empty.
        user: the user whose password is wanted; may be empty.
        choices: the labels of the choices.
        defaults: the places of those that stand where the answer is None.

    See `PSHostUserInterface`.
    """

    kind: str
    caption: str
    message: str
    name: str
    type_name: str
    help: str
    user: str
    choices: tuple[str, ...]
    defaults: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(part for part in (self.caption, self.message, self.name) if part)


# Answers in the order of the questions, or what gives one to each.
Answers = Iterable[object] | Callable[[Question], object]


def check_answers(answers: object) -> None:
    """Refuse what cannot answer.

    Raises:
        DeclarationError: it is neither a list nor a function.
    """
    listed = isinstance(answers, Iterable) and not isinstance(
        answers, (str, bytes, bytearray, Mapping, AbstractSet)
    )
    if not (listed or (callable(answers) and not iscoroutinefunction(answers))):
        # Without the value, which may be a secret.
        raise DeclarationError(
            f"answers is a {type(answers).__name__}; it is a list of answers, or a function, not "
            "an async one, that takes a Question"
        )


def answer_call(answers: Answers, session: RunningRunspace) -> Any:
    """What a session's host calls with each question. To be called once the engine runs."""
    from PSBridge import AnswerCall

    respond = _asking(answers, ref(session)) if callable(answers) else _in_order(answers)

    def call(asked: Any) -> None:
        try:
            asked.Answer = _net_answer(asked.Kind, respond(_question(asked)))
        except _Unanswered as unanswered:
            asked.Failure = unanswered.failure
        except BaseException as error:
            from ..values import python_exception

            asked.Failure = python_exception(error)

    return AnswerCall(call)


class _Unanswered(Exception):
    """A program's function has raised something, which is on its way through PowerShell."""

    def __init__(self, failure: Any) -> None:
        super().__init__()
        self.failure = failure


def _asking(
    answer: Callable[[Question], object], session: ref[RunningRunspace]
) -> Callable[[Question], object]:
    def respond(question: Question) -> object:
        try:
            return answer(question)
        except BaseException as error:
            raise _Unanswered(_failure(error, session())) from None

    return respond


def _failure(error: BaseException, session: RunningRunspace | None) -> Any:
    """What PowerShell is told of an exception that comes out of its pipeline as itself."""
    from ..values import error_record, python_exception
    from ..values.raised import remember

    if session is not None and session._ends_with(error):
        from System.Management.Automation import PipelineStoppedException

        return PipelineStoppedException()
    if session is None or not isinstance(error, Exception) or not session._has_caller():
        return python_exception(error)
    record = error_record(error)
    remember(session, error, record)
    return record.Exception


def _in_order(answers: Iterable[object]) -> Callable[[Question], object]:
    left = iter(answers)

    def respond(question: Question) -> object:
        for answer in left:
            return answer
        raise PsbridgeError(f"there is no further answer; PowerShell asked: {question}")

    return respond


def _question(asked: Any) -> Question:
    return Question(
        kind=asked.Kind,
        caption=asked.Caption,
        message=asked.Message,
        name=asked.Name,
        type_name=asked.TypeName,
        help=asked.Help,
        user=asked.User,
        choices=tuple(asked.Choices),
        defaults=tuple(asked.Defaults),
    )


def _net_answer(kind: str, answer: object) -> Any:
    from ..values import net_text, to_net

    if kind == "secret" and isinstance(answer, str):
        from System.Net import NetworkCredential

        return NetworkCredential("", net_text(answer)).SecurePassword
    if kind in ("choice", "choices") and isinstance(answer, bool):
        raise TypeError("the answer to a choice is its label, its key or its place, and no bool")
    given = to_net(answer)
    if kind == "text":
        from System.Security import SecureString

        if is_net_of(given, SecureString):
            raise TypeError("the answer is secret, and who asks takes a text; reveal() gives it")
    return given
