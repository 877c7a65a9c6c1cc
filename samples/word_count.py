"""Get-WordCount: a cmdlet that counts the words in text files, in the foreground or as a job.

    psbridge run --module samples/word_count.py "Get-WordCount *.md"
    psbridge run --module samples/word_count.py \
        "Get-WordCount *.md -AsJob | Wait-Job | Receive-Job"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Annotated, Literal

from psbridge import JobCmdlet, Parameter


@dataclass
class WordCount:
    """The counts of one file."""

    Path: str
    Lines: int
    Words: int


class GetWordCount(JobCmdlet, verb="Get", noun="WordCount"):
    """Count the words in text files.

    Reads each file once, line by line. Of a folder, every file directly in it is read.
    """

    path: Annotated[
        list[str],
        Parameter(
            position=0,
            mandatory=True,
            from_pipeline=True,
            from_pipeline_by_property_name=True,
            alias=["FullName"],
            help="Files to read, or folders of files; wildcards are allowed.",
        ),
    ]
    encoding: Annotated[
        Literal["utf-8", "latin-1"], Parameter(help="How the files are encoded.")
    ] = "utf-8"

    def process(self) -> Iterator[WordCount]:
        """Count each file of this record; a file that cannot be read is an error of its own."""
        for path in self.path:
            for file in self._files(path):
                self.write_progress("Counting words", str(file))
                try:
                    yield self._count(file)
                except (OSError, UnicodeDecodeError) as error:
                    self.write_error(error, target=str(file))
        self.write_progress("Counting words", completed=True)

    def _files(self, path: str) -> list[Path]:
        found: list[Path] = []
        # Where nothing fits, the path itself is what the error names.
        for place in sorted(map(Path, glob(path))) or [Path(path)]:
            if place.is_dir():
                found += sorted(file for file in place.iterdir() if file.is_file())
            else:
                found.append(place)
        return found

    def _count(self, file: Path) -> WordCount:
        lines = words = 0
        with file.open(encoding=self.encoding) as text:
            for line in text:
                self.check_stop()
                lines += 1
                words += len(line.split())
        return WordCount(str(file), lines, words)
