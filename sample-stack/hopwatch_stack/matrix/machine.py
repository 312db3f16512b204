"""The machine that a matrix was measured on. Nothing by which it could be found."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import toolchains


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int
    memory_gb: float
    system: str
    postgres: str


def this_machine() -> Machine:
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        postgres=toolchains.version("postgres"),
    )


def load_per_core() -> float:
    """How busy the machine has been in the last minute; 1 is all cores."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.M) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()
