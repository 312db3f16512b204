"""Running other programs to their end, and folders that are whole or not there."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .errors import StackError


class CommandError(StackError):
    """A program ended with an error; what it printed is in the log it was given."""


def run(
    command: Sequence[str | Path],
    log: IO[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs `command`, all its output into `log`; raises CommandError unless it exits with 0."""
    words = [str(word) for word in command]
    log.write(f"$ {' '.join(words)}\n")
    log.flush()
    try:
        code = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env=env, check=False
        ).returncode
    except OSError as error:
        raise CommandError(f"cannot run {words[0]}: {error.strerror}") from error
    if code != 0:
        how = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        raise CommandError(f"{Path(words[0]).name} {how}")


@contextmanager
def unfinished(folder: Path) -> Iterator[Path]:
    """A scratch folder that becomes `folder` when the block ends well. What an interrupted run
    left of it is removed by the next. Not for two processes at once."""
    scratch = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    yield scratch
    scratch.rename(folder)
