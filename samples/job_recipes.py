r"""Ways for a cmdlet to return a job: by JobCmdlet, by hand, and jobs that PowerShell provides.

    psbridge run --module samples/job_recipes.py "Get-Squares 1, 2, 3 -AsJob | Receive-Job -Wait"

The classic recipe for a C# cmdlet with -AsJob has five steps, numbered below in `GetSquaresByHand`.
`GetSquares` does the same and leaves them to psbridge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from psbridge import Cmdlet, Job, JobCmdlet, Parameter


class GetSquares(JobCmdlet, verb="Get", noun="Squares"):
    """Square numbers, in the foreground or as a job."""

    number: Annotated[list[int], Parameter(position=0, mandatory=True, from_pipeline=True)]

    def process(self) -> Iterator[int]:
        """Square the numbers of this record."""
        for number in self.number:
            yield number * number


class SquaresJob(Job):
    """Step 4: the class that does the work of the job."""

    def __init__(self, numbers: list[int]) -> None:
        """Take what to work on."""
        super().__init__(command="Get-SquaresByHand")
        self.numbers = numbers

    def run(self) -> Iterator[int]:
        """Square the numbers."""
        for number in self.numbers:
            yield number * number


class GetSquaresByHand(Cmdlet, verb="Get", noun="SquaresByHand", output_types=[int]):
    """The same by hand."""

    number: Annotated[list[int], Parameter(position=0, mandatory=True, from_pipeline=True)]
    as_job: bool = False  # Step 1: declare the switch.

    def begin(self) -> None:
        """Collect what comes down the pipeline."""
        self.collected: list[int] = []

    def process(self) -> Iterator[int]:
        """Step 3: branch where the records are processed."""
        if self.as_job:
            self.collected += self.number
        else:
            yield from (number * number for number in self.number)

    def end(self) -> Iterator[Any]:
        """Step 5: give the job object, and only that, to the caller."""
        if self.as_job:
            job = SquaresJob(self.collected)  # Step 2: make an object that derives from Job.
            yield self.session.start(job).net


class RegisterTimer(Cmdlet, verb="Register", noun="Timer"):
    """Run a script block at each tick; gives PowerShell's own PSEventJob."""

    seconds: Annotated[float, Parameter(position=0, mandatory=True, range=(0.001, 86400))]
    action: Annotated[Callable[..., Any], Parameter(position=1, mandatory=True)]

    def process(self) -> Iterator[Any]:
        """Subscribe to the timer, as Register-ObjectEvent -Action does."""
        # The engine puts the job into the repository itself.
        yield from self.session.run(
            "param($Seconds, $Action)\n"
            "$timer = [System.Timers.Timer]::new($Seconds * 1000)\n"
            "$subscriber = $ExecutionContext.Events.SubscribeEvent(\n"
            "    $timer, 'Elapsed', $null, $null, $Action, $false, $false)\n"
            "$timer.Start()\n"
            "$subscriber.Action",
            Seconds=self.seconds,
            Action=self.action.block,  # type: ignore[attr-defined]
        )


class StartNightly(Cmdlet, verb="Start", noun="Nightly"):
    """Start a job through a job definition; gives a Job2."""

    numbers: Annotated[list[int], Parameter(position=0)] = [1, 2, 3]  # noqa: RUF012

    def process(self) -> Iterator[Any]:
        """Define the job and start it as the user of the definition would."""
        numbers = list(self.numbers)
        self.session.jobs.define("Nightly", lambda: SquaresJob(numbers))
        yield from self.session.run("Start-Job -DefinitionName Nightly")
