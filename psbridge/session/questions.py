"""What PowerShell asks, and the program that answers instead of a user."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import DeclarationError, PsbridgeError

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
    if isinstance(answers, (str, bytes)) or not (
        callable(answers) or isinstance(answers, Iterable)
    ):
        # Without the value, which may be a secret.
        raise DeclarationError(
            f"answers is a {type(answers).__name__}; it is a list of answers, or a function that "
            "takes a Question"
        )


def answer_call(answers: Answers) -> Any:
    """What a host calls with each question. To be called once the engine runs."""
    from PSBridge import AnswerCall

    respond = answers if callable(answers) else _in_order(answers)

    def call(asked: Any) -> None:
        try:
            asked.Answer = _net_answer(asked.Kind, respond(_question(asked)))
        except Exception as error:
            from ..values import python_exception

            asked.Failure = python_exception(error)

    return AnswerCall(call)


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
    return to_net(answer)
