"""The Python functions of parameters: validating, transforming, completing.

To be imported once the engine runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from PSBridge import PythonAnswer, PythonFunctions
from System import Array, Func, Object, String

from ..errors import ConversionError
from ..values import from_net, net_text, to_net
from .declaration import Declaration
from .source import function_key

__all__ = ["register_functions"]


def register_functions(runspace: Any, declaration: Declaration) -> None:
    """Let the attributes of a cmdlet's parameters find their functions.

    Args:
        runspace: the InstanceId of the runspace that imports the cmdlet.
        declaration: the cmdlet.
    """
    for parameter in declaration.parameters:
        settings = parameter.settings
        for what, function, make in (
            ("Transform", settings.transform, _transform),
            ("Validate", settings.validate, _validate),
            ("Complete", settings.complete, _complete),
        ):
            if function is not None:
                key = function_key(declaration, parameter, what)
                net = Func[Object, Object, PythonAnswer](_guarded(make(function)))
                PythonFunctions.Register(runspace, key, net)


def _guarded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """What .NET calls: no exception crosses, and its text is what the user is told."""

    def call(first: Any, second: Any) -> Any:
        try:
            return PythonAnswer(function(first, second), None)
        except BaseException as error:
            return PythonAnswer(None, net_text(str(error)) or type(error).__name__)

    return call


def _transform(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def transform(value: Any, _: Any) -> Any:
        given = from_net(value)
        changed = function(given)
        return value if changed is given else to_net(changed)

    return transform


def _validate(function: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def validate(value: Any, _: Any) -> Any:
        return function(from_net(value)) is not False

    return validate


def _complete(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    takes_given = len(inspect.signature(function).parameters) > 1

    def complete(word: Any, given: Any) -> Any:
        word = str(word or "")
        offers = function(word, from_net(given)) if takes_given else function(word)
        return Array[Array[String]]([_offer(offer) for offer in offers])

    return complete


def _offer(offer: Any) -> Any:
    text, tooltip = offer if isinstance(offer, tuple) else (offer, "")
    if not isinstance(text, str):
        text = str(text)
    if not isinstance(tooltip, str):
        raise ConversionError(f"a tooltip is a text, and {tooltip!r} is none")
    return Array[String]([net_text(text), net_text(tooltip)])
