"""Makes the embedded Postgres's data folder once: a cluster with an empty database `shop`.

Run as a program by the service `postgres-init`, under the user that Postgres will run as.
"""

import re
import subprocess
import sys
from pathlib import Path

from .commands import run, unfinished
from .errors import StackError


def initialise(programs: Path, data: Path, password_file: Path) -> None:
    """Leaves an existing folder of the same major version alone; raises StackError for others."""
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True)
    major = re.search(r"(\d+)", said.stdout)
    if data.exists():
        made_by = (data / "PG_VERSION").read_text().strip()
        if major is None or made_by != major[1]:
            raise StackError(
                f"{data} was made by Postgres {made_by}, this is {said.stdout.strip()}: "
                "remove the folder to begin with an empty shop"
            )
        return
    with unfinished(data) as folder:
        run(
            [programs / "initdb", "--pgdata", folder, "--username=postgres",
             "--pwfile", password_file, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
             "--no-instructions",
             # Saves seconds; a crash of the machine right now costs an empty database.
             "--no-sync"],
            sys.stdout,
        )  # fmt: skip
        subprocess.run(
            [programs / "postgres", "--single", "-D", folder, "postgres"],
            input="CREATE DATABASE shop;\n",
            text=True,
            check=True,
        )


if __name__ == "__main__":
    try:
        initialise(*(Path(word) for word in sys.argv[1:]))
    except StackError as error:
        sys.exit(str(error))
