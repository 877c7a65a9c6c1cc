"""Get-TreeHash: the hashes of all files of a tree, each tree in a child job with -AsJob.

    psbridge run --module samples/tree_hash.py "Get-TreeHash docs, samples -Filter *.py"
    psbridge run --module samples/tree_hash.py \
        "'docs', 'samples' | Get-TreeHash -AsJob -ThrottleLimit 2 | Wait-Job | Receive-Job"
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from psbridge import JobCmdlet, Parameter


@dataclass
class FileHash:
    """The hash of one file."""

    Path: str
    Length: int
    Hash: str


class GetTreeHash(JobCmdlet, verb="Get", noun="TreeHash", children="each"):
    """Hash every file of a tree."""

    path: Annotated[
        list[Path],
        Parameter(position=0, mandatory=True, from_pipeline=True, help="Folders or files."),
    ]
    algorithm: Literal["sha256", "sha1", "md5"] = "sha256"
    filter: Annotated[str, Parameter(help="Which files, such as *.py.", not_empty=True)] = "*"

    def process(self) -> Iterator[FileHash]:
        """Hash the files of each folder in this record, in the order of their names."""
        for path in self.path:
            if not path.exists():
                self.write_error(FileNotFoundError(f"there is no {path}"), target=str(path))
                continue
            files = sorted(path.rglob(self.filter)) if path.is_dir() else [path]
            for number, file in enumerate(files):
                if file.is_file():
                    self.write_progress(
                        f"Hashing {path}", file.name, percent=100 * number / len(files)
                    )
                    yield self._hash(file)
        self.write_progress("Hashing", completed=True)

    def _hash(self, file: Path) -> FileHash:
        digest = hashlib.new(self.algorithm)
        length = 0
        with file.open("rb") as data:
            while block := data.read(1 << 20):
                self.check_stop()
                digest.update(block)
                length += len(block)
        return FileHash(str(file), length, digest.hexdigest().upper())
