"""PowerShell's host, written in Python on a `Console`. To be imported once the engine runs.

PowerShell calls it on the threads of its pipelines; each call is short and takes no lock but the
console's. What a prompt raises reaches the script that prompted as an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import System
from System.Collections.Generic import Dictionary
from System.Globalization import CultureInfo
from System.Management.Automation import (
    PipelineStoppedException,
    ProgressRecordType,
    PSCredential,
    PSInvalidOperationException,
    PSObject,
)
from System.Management.Automation.Host import (
    BufferCell,
    Coordinates,
    PSHost,
    PSHostRawUserInterface,
    PSHostUserInterface,
    Size,
)
from System.Security import SecureString

if TYPE_CHECKING:
    from .console import Console

__all__ = ["SessionHost"]


class SessionHost(PSHost):
    """The host of a session that has a console.

    Attributes:
        exit_code: what the script passed to ``exit``, or None.
    """

    __namespace__ = "PSBridge.Hosts"

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.exit_code: int | None = None
        self._id = System.Guid.NewGuid()
        self._ui = _UserInterface(console)
        self._culture = CultureInfo.CurrentCulture
        self._ui_culture = CultureInfo.CurrentUICulture

    def get_Name(self) -> str:
        return "psbridge"

    def get_Version(self) -> Any:
        return PSObject().GetType().Assembly.GetName().Version

    def get_InstanceId(self) -> Any:
        return self._id

    def get_UI(self) -> Any:
        return self._ui

    def get_CurrentCulture(self) -> Any:
        return self._culture

    def get_CurrentUICulture(self) -> Any:
        return self._ui_culture

    def SetShouldExit(self, code: int) -> None:
        self.exit_code = code

    def EnterNestedPrompt(self) -> None:
        raise _not_interactive("a nested prompt")

    def ExitNestedPrompt(self) -> None:
        pass

    def NotifyBeginApplication(self) -> None:
        pass

    def NotifyEndApplication(self) -> None:
        pass


class _UserInterface(PSHostUserInterface):
    __namespace__ = "PSBridge.Hosts"

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._raw = _RawUserInterface(console)

    def get_RawUI(self) -> Any:
        return self._raw

    def get_SupportsVirtualTerminal(self) -> bool:
        return self._console.colours

    def Write(self, *arguments: Any) -> None:
        self._write(arguments, "")

    def WriteLine(self, *arguments: Any) -> None:
        self._write(arguments, "\n")

    def _write(self, arguments: tuple[Any, ...], end: str) -> None:
        """Write ``(text)`` or ``(foreground, background, text)``."""
        text = str(arguments[-1] or "") if arguments else ""
        if len(arguments) == 3 and self._console.colours and text:
            text = f"{self._raw.colours(*arguments[:2])}{text}\x1b[0m"
        self._console.write(text + end)
        if self._console.broken:
            # Nobody reads the rest: end as a program does whose pipe has broken.
            raise PipelineStoppedException()

    def WriteErrorLine(self, text: str) -> None:
        self._console.write_error(text)

    def WriteWarningLine(self, text: str) -> None:
        self._console.write_note(f"WARNING: {text}")

    def WriteVerboseLine(self, text: str) -> None:
        self._console.write_note(f"VERBOSE: {text}")

    def WriteDebugLine(self, text: str) -> None:
        self._console.write_note(f"DEBUG: {text}")

    def WriteProgress(self, source: int, record: Any) -> None:
        if record.RecordType == ProgressRecordType.Completed:
            self._console.hide_progress()
            return
        percent = f" {record.PercentComplete}%" if record.PercentComplete >= 0 else ""
        self._console.show_progress(f"{record.Activity}: {record.StatusDescription}{percent}")

    def ReadLine(self) -> str:
        self._check_interactive("input")
        return self._console.ask("")

    def ReadLineAsSecureString(self) -> Any:
        self._check_interactive("input")
        return _secure(self._console.ask_secret(""))

    def Prompt(self, caption: str, message: str, descriptions: Any) -> Any:
        names = [description.Name for description in descriptions]
        self._check_interactive(", ".join(names))
        self._headline(caption, message)
        answers = Dictionary[System.String, PSObject]()
        for description in descriptions:
            label = f"{description.Name}: "
            if description.ParameterTypeName == "SecureString":
                answer = _secure(self._console.ask_secret(label))
            else:
                answer = self._console.ask(label)
            answers.Add(description.Name, PSObject.AsPSObject(answer))
        return answers

    def PromptForChoice(self, caption: str, message: str, choices: Any, default: int) -> int:
        labels = [choice.Label for choice in choices]
        self._check_interactive("a choice")
        self._headline(caption, message)
        # "&Yes" is chosen with y; a label without a mark with its whole text.
        keys = [_key(label) for label in labels]
        shown = "  ".join(
            f"[{key.upper()}] {label.replace('&', '')}"
            for key, label in zip(keys, labels, strict=True)
        )
        standard = f' (default is "{keys[default].upper()}")' if default >= 0 else ""
        while True:
            answer = self._console.ask(f"{shown}{standard}: ").strip().lower()
            if not answer and default >= 0:
                return default
            for index, (key, label) in enumerate(zip(keys, labels, strict=True)):
                if answer in (key, label.replace("&", "").lower()):
                    return index

    def PromptForCredential(self, caption: str, message: str, user: str, *_: Any) -> Any:
        self._check_interactive("a credential")
        self._headline(caption, message)
        name = user or self._console.ask("User: ")
        return PSCredential(name, _secure(self._console.ask_secret(f"Password for {name}: ")))

    def _headline(self, caption: str, message: str) -> None:
        for line in (caption, message):
            if line:
                self._console.write_note(line)

    def _check_interactive(self, wanted: str) -> None:
        if not self._console.interactive:
            raise _not_interactive(wanted)


class _RawUserInterface(PSHostRawUserInterface):
    """The screen's size and its colours; a screen buffer there is none."""

    __namespace__ = "PSBridge.Hosts"

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._foreground = System.ConsoleColor.Gray
        self._background = System.ConsoleColor.Black
        self._title = "psbridge"

    def get_BufferSize(self) -> Any:
        return Size(*self._console.size)

    def set_BufferSize(self, value: Any) -> None:
        pass

    def get_WindowSize(self) -> Any:
        return Size(*self._console.size)

    def set_WindowSize(self, value: Any) -> None:
        pass

    def get_MaxWindowSize(self) -> Any:
        return Size(*self._console.size)

    def get_MaxPhysicalWindowSize(self) -> Any:
        return Size(*self._console.size)

    def get_CursorPosition(self) -> Any:
        return Coordinates(0, 0)

    def set_CursorPosition(self, value: Any) -> None:
        pass

    def get_WindowPosition(self) -> Any:
        return Coordinates(0, 0)

    def set_WindowPosition(self, value: Any) -> None:
        pass

    def get_CursorSize(self) -> int:
        return 1

    def set_CursorSize(self, value: int) -> None:
        pass

    def get_ForegroundColor(self) -> Any:
        return self._foreground

    def set_ForegroundColor(self, value: Any) -> None:
        self._foreground = value

    def get_BackgroundColor(self) -> Any:
        return self._background

    def set_BackgroundColor(self, value: Any) -> None:
        self._background = value

    def colours(self, foreground: Any, background: Any) -> str:
        """The escape sequence for two colours; the screen's own background is left alone."""
        codes = [_COLOUR_CODES[int(foreground)]]
        if background != self._background:
            codes.append(_COLOUR_CODES[int(background)] + 10)
        return f"\x1b[{';'.join(map(str, codes))}m"

    def get_WindowTitle(self) -> str:
        return self._title

    def set_WindowTitle(self, value: str) -> None:
        self._title = value

    def get_KeyAvailable(self) -> bool:
        return False

    def FlushInputBuffer(self) -> None:
        pass

    def ReadKey(self, options: Any) -> Any:
        raise _not_interactive("a key")

    def GetBufferContents(self, rectangle: Any) -> Any:
        return System.Array.CreateInstance(BufferCell, 0, 0)

    def SetBufferContents(self, *arguments: Any) -> None:
        pass

    def ScrollBufferContents(self, *arguments: Any) -> None:
        pass


# By the numbers of System.ConsoleColor: eight dark ones, in bits blue, green, red, then the bright.
_COLOUR_CODES = (30, 34, 32, 36, 31, 35, 33, 37, 90, 94, 92, 96, 91, 95, 93, 97)


def _not_interactive(wanted: str) -> Any:
    return PSInvalidOperationException(
        f"PowerShell wants {wanted} from the user, and this session has nobody to ask: "
        "give it as an argument, or run in a terminal"
    )


def _secure(text: str) -> Any:
    secure = SecureString()
    for character in text:
        secure.AppendChar(character)
    secure.MakeReadOnly()
    return secure


def _key(label: str) -> str:
    before, mark, after = label.partition("&")
    return after[:1].lower() if mark and after else before.lower()
