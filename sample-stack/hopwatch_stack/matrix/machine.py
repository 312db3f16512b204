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


@dataclass(frozen=True)
class CpuSeconds:
    """Of all cores together, since the machine began. What a hypervisor took is busy."""

    busy: float
    total: float

    def since(self, before: "CpuSeconds") -> "CpuSeconds":
        return CpuSeconds(self.busy - before.busy, self.total - before.total)


def cpu_seconds() -> CpuSeconds:
    times = psutil.cpu_times()
    # Time of guests stands in that of users too, on Linux.
    told = {name: value for name, value in times._asdict().items() if not name.startswith("guest")}
    total = sum(told.values())
    return CpuSeconds(total - times.idle - told.get("iowait", 0.0), total)


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", info.read_text(), re.M) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()
