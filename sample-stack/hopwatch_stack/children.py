"""Child processes: what is done between fork and exec, and how they are ended in order."""

import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

import psutil

from .errors import StackError
from .services import Service
from .session import ProcessRecord

UNPRIVILEGED_ID = "65534"
PR_SET_PDEATHSIG = 1


def privileges_dropped(service: Service) -> list[str]:
    """Words before the command of a service that refuses to run as root, when we are root.

    It becomes nobody but keeps the one right to pass folders that only root may enter, such as
    a checkout below root's home. access(2) heeds that right only under no_setuid_fixup.
    """
    if not service.refuses_root or os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError(
            f"{service.name} refuses to run as root, and setpriv (util-linux) is missing: "
            "run as another user, or give a database by --database-url."
        )
    return [
        setpriv, f"--reuid={UNPRIVILEGED_ID}", f"--regid={UNPRIVILEGED_ID}", "--clear-groups",
        "--inh-caps=+dac_override", "--ambient-caps=+dac_override",
        "--securebits=+no_setuid_fixup", "--pdeathsig", service.stop_signal.name[3:],
    ]  # fmt: skip


def stop_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """To run in the new process: asks Linux to stop it when the owner ends, however it ends."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, stop_signal)
        if os.getppid() != parent:  # It ended between fork and this line.
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


def stop_records(records: Sequence[ProcessRecord]) -> list[str]:
    """Ends the processes, each before those that it is outlived by. Returns what went amiss.

    Ctrl-C while this waits kills the rest at once.
    """
    problems: list[str] = []
    left = list(records)
    try:
        while left:
            held = {name for record in left for name in record.outlived_by}
            wave = [record for record in left if record.service not in held]
            problems += _stop_wave(wave)
            left = [record for record in left if record not in wave]
    except KeyboardInterrupt:
        _kill(process for record in left if (process := record.process()))
        raise
    return problems


def _stop_wave(wave: Sequence[ProcessRecord]) -> list[str]:
    processes = {}
    for record in wave:
        if process := record.process():
            process.send_signal(record.stop_signal)
            processes[process] = record
    seconds = max((record.stop_seconds for record in processes.values()), default=0)
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    _kill(alive)
    return [
        f"{processes[process].service} did not stop within {seconds:.0f} s and was killed"
        for process in alive
    ]


def _kill(processes: Iterable[psutil.Process]) -> None:
    doomed = []
    for process in processes:
        try:
            doomed += [*process.children(recursive=True), process]
        except psutil.NoSuchProcess:
            continue
    for process in doomed:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(doomed, timeout=5)
