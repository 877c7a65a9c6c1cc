"""What a pipeline gave: its output, with its other streams beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from ..errors import ConversionError, PowerShellError

__all__ = ["Result"]

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from ..values.typed import Reader
    from .stream_records import ErrorRecord, InformationRecord, MessageRecord

    D = TypeVar("D")
    T = TypeVar("T", default=Any)  # what no `as_` was given for
else:
    from typing import TypeVar

    T = TypeVar("T")


class Result(list[T]):
    """The output of a pipeline: a list of Python values, with the other streams beside it.

    Attributes:
        warnings: the warnings.
        information: the information records.
        verbose: the verbose messages.
        debug: the debug messages.
        exit_code: what the code gave to ``exit``, else the exit code of the last program or script
            file that it ran; None where it ran none.
        exited: whether ``exit`` has ended the code.
        origins: the machine that each value came from, in their order; None for this one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._errors: list[ErrorRecord] = []
        self._errors_taken = False
        self.warnings: list[MessageRecord] = []
        self.information: list[InformationRecord] = []
        self.verbose: list[MessageRecord] = []
        self.debug: list[MessageRecord] = []
        self.exit_code: int | None = None
        self.exited = False
        self.origins: list[str | None] = []

    @property
    def errors(self) -> list[ErrorRecord]:
        """The non-terminating errors."""
        self._errors_taken = True
        return self._errors

    @errors.setter
    def errors(self, records: list[ErrorRecord]) -> None:
        self._errors = records

    def _errors_left(self) -> list[ErrorRecord]:
        """Those that nobody has looked at."""
        return [] if self._errors_taken else self._errors

    def one(self) -> T:
        """The only value.

        Raises:
            ValueError: there is none, or there are several.
        """
        if len(self) == 1:
            return self[0]
        why = f"; the first error: {self._errors[0]}" if self._errors else ""
        raise ValueError(f"the output is {len(self)} values, and not one{why}")

    @overload
    def first(self) -> T | None: ...
    @overload
    def first(self, default: D) -> T | D: ...
    def first(self, default: Any = None) -> Any:
        """The first value, or the default where there is none."""
        return self[0] if self else default

    def to_pandas(self, columns: Sequence[str] | None = None) -> Any:
        """The values as a ``pandas.DataFrame``, where pandas is installed.

        A value without properties is in a column named ``value``. Enums are texts.

        Args:
            columns: the properties to take. By default those that the values have, and of an object
                of PowerShell's those that PowerShell shows of it; to read more is slower.

        Raises:
            ImportError: pandas is not installed.
            ConversionError: a value has no property of such a name, or a text that is none.
        """
        from .tables import data_frame

        return data_frame(self, columns)

    def to_arrow(self, columns: Sequence[str] | None = None) -> Any:
        """The values as a ``pyarrow.Table``, where PyArrow is installed; see `to_pandas`.

        A column in which Arrow finds no common type is one of texts.

        Raises:
            ImportError: PyArrow is not installed.
            ConversionError: a value has no property of such a name, or a text that is none.
        """
        from .tables import arrow_table

        return arrow_table(self, columns)

    def raise_for_errors(self) -> None:
        """Raise the first of the non-terminating errors, or that the exit code is not 0.

        What a program writes to its standard error is in `errors`, and no error by itself, as for
        PowerShell's ``$?``: where the exit code is not 0 the message repeats its last line.

        Raises:
            PowerShellError: it; its ``result`` is this one, with all of them.
            Exception: what Python code that ran in PowerShell raised, where the first is that.
        """
        errors = [error for error in self.errors if error.error_id not in _STANDARD_ERROR]
        if errors:
            if errors[0].raised is not None:
                raise errors[0].raised
            from ..values import powershell_error

            record, more = errors[0].net, len(errors) - 1
            error = powershell_error(record.Exception, self, record)
            error.errors = list(self.errors)
            if more:
                error.args = (f"{error} (and {more} more)",)
            raise error
        if self.exit_code:
            ended = "ended" if self.exited else "ran a program or script that ended"
            said = f": {self.errors[-1]}" if self.errors else ""
            failed = PowerShellError(
                f"the code {ended} with the exit code {self.exit_code}{said}", result=self
            )
            failed.errors = list(self.errors)
            raise failed

    def _read_as(self, read: Reader[T]) -> None:
        """Make each value into a type.

        Raises:
            ConversionError: one cannot be made into it.
        """
        try:
            self[:] = [read(value, f"values[{index}]") for index, value in enumerate(self)]
        except ConversionError as error:
            error.result = self
            raise

    def _take(self, other: Result[Any]) -> None:
        """Become what another one is, but for its values, which somebody has had."""
        vars(self).update(vars(other), origins=[])

    def _by_stream(self) -> dict[str, list[Any]]:
        """The records of the streams beside the output, by the names that a job's have."""
        return {
            "error": self._errors,
            "warning": self.warnings,
            "verbose": self.verbose,
            "debug": self.debug,
            "information": self.information,
        }

    def _append(self, other: Result[T]) -> None:
        """Take what another one has behind what this one has."""
        self.extend(other)
        self.origins += other.origins
        for stream, records in other._by_stream().items():
            self._by_stream()[stream].extend(records)

    @property
    def origin(self) -> str | None:
        """The machine that all values came from; None where that is this one, or several."""
        return self.origins[0] if len(set(self.origins)) == 1 else None

    def by_origin(self) -> dict[str | None, list[T]]:
        """The values of each machine, in the order in which the machines first gave one."""
        found: dict[str | None, list[T]] = {}
        for value, origin in zip(self, self.origins, strict=False):
            found.setdefault(origin, []).append(value)
        return found


# The ErrorRecords in which PowerShell puts the lines of a program's standard error.
_STANDARD_ERROR = ("NativeCommandError", "NativeCommandErrorMessage")
