"""A service's processes: CPU, memory and what their runtimes say, from metric points.

`process.cpu.time` adds up over a process's life (cumulative seconds, by `cpu.mode`): its rise
between two points is the CPU time spent between them. Processes are told apart by
service.instance.id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa

CPU: Final = "process.cpu.time"
MEMORY: Final = "process.memory.usage"
RUNTIME: Final = {
    "nodejs.eventloop.delay.p99": ("event loop delay, p99", "ms", 1e3),
    "nodejs.eventloop.delay.max": ("event loop delay, largest", "ms", 1e3),
    "nodejs.eventloop.utilization": ("event loop busy", "%", 100.0),
    "go.goroutine.count": ("goroutines", "", 1.0),
    "process.thread.count": ("threads", "", 1.0),
}
"""Metrics of runtimes that are shown: name -> (title, unit, factor into that unit)."""
_DATABASE_PROCESSES: Final = {"postgresql": "postgres"}
"""db.system.name -> service.name of its process, where they differ."""
NAMES: Final = (CPU, MEMORY, *RUNTIME)


@dataclass(frozen=True, slots=True)
class CpuCost:
    """CPU seconds of all processes, spread over the requests of the same time."""

    seconds: float
    requests: int

    @property
    def ms_per_request(self) -> float:
        return 1e3 * self.seconds / self.requests


def service_name(hop: str) -> str:
    """The service.name with which the processes of a hop report: without its namespace; of a
    database (`system/namespace`), its system's."""
    system, _, _ = hop.partition("/")
    return _DATABASE_PROCESSES.get(system) or hop.rpartition("/")[2]


def readings(points: pa.Table, name: str) -> pd.DataFrame:
    """time, instance, value: one row per process and moment, the sum over the point's other
    attributes (such as cpu.mode). `points`: as of `hopwatch.metrics.SCHEMA`."""
    columns = ["name", "time_unix_nano", "service_instance_id", "value"]
    frame: pd.DataFrame = points.select(columns).to_pandas()
    frame = frame[(frame["name"] == name) & frame["value"].notna()]
    frame = frame.assign(
        instance=frame["service_instance_id"].astype(object).fillna("unknown"),
        time=pd.to_datetime(frame["time_unix_nano"], unit="ns", utc=True),
    )
    return frame.groupby(["instance", "time"], sort=True)["value"].sum().reset_index()


def cores(points: pa.Table) -> pd.DataFrame:
    """time, instance, value: CPU seconds a second, averaged since the process's reading before.
    A counter that fell began anew and gives no reading."""
    found = readings(points, CPU)
    by_instance = found.groupby("instance")
    seconds = by_instance["time"].diff().dt.total_seconds()
    found["value"] = by_instance["value"].diff() / seconds
    measured: pd.DataFrame = found[(found["value"] >= 0) & (seconds > 0)]
    return measured


def cpu_cost(points: pa.Table, requests: int) -> CpuCost | None:
    """What a request costs; None where it was not measured or there were no requests."""
    found = readings(points, CPU)
    rises = found.groupby("instance")["value"].diff()
    if not requests or rises.notna().sum() == 0:
        return None
    return CpuCost(float(rises[rises > 0].sum()), requests)


def thinned(frame: pd.DataFrame, most: int = 240) -> pd.DataFrame:
    """At most about `most` rows: means over equal stretches of time, per process."""
    if len(frame) <= most:
        return frame
    processes = frame["instance"].nunique()
    span = frame["time"].max() - frame["time"].min()
    step = max(span / max(1, most // processes), pd.Timedelta(seconds=1))
    thin = frame.assign(time=frame["time"].dt.floor(step.ceil("s")))
    return thin.groupby(["instance", "time"], sort=True)["value"].mean().reset_index()
