"""Child processes: what is done between fork and exec, so that they end with their owner."""

import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable

from .errors import StackError
from .services import Service

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
