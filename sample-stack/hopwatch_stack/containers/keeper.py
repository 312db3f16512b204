"""Keeps this checkout's own docker engine running while anyone uses it, then stops it.

A program of its own, because the engine is shared: by stacks, tests and builds that come and go.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from ..children import stop_with_parent
from .engine import DATA, OWN_URL, RUN, lease_path, programs

LOOK_SECONDS = 1.0
STOP_SECONDS = 60


def main() -> int:
    # The terminal's signals are for those who use the engine.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with (DATA / "keeper.lock").open("a") as only_one:
        try:
            fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        return _keep()


def _keep() -> int:
    _clean_up()
    RUN.mkdir(mode=0o700)
    engine = subprocess.Popen(
        _command(), env=_environment(), preexec_fn=stop_with_parent(signal.SIGTERM)
    )
    with lease_path().open("a") as lease:
        while engine.poll() is None:
            time.sleep(LOOK_SECONDS)
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            # Nobody uses it. Who comes now waits for the lock, and then starts another.
            engine.terminate()
            try:
                engine.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                engine.kill()
                engine.wait()
            _clean_up()
            return 0
    return engine.returncode or 1


def _clean_up() -> None:
    """Removes what an engine leaves: sockets, and the network of containers that had the host's,
    which stays mounted; of one that was killed, the containers' file systems too."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        mounted = Path(line.split()[1])
        if mounted.is_relative_to(RUN) or mounted.is_relative_to(DATA):
            subprocess.run(["umount", "--lazy", mounted], check=True)
    shutil.rmtree(RUN, ignore_errors=True)


def _command() -> list[str]:
    fetched = programs()
    words = [
        shutil.which("dockerd") or str(fetched / "usr/sbin/dockerd"),
        "--host", OWN_URL,
        "--data-root", str(DATA / "data"),
        "--exec-root", str(RUN / "exec"),
        "--pidfile", str(RUN / "docker.pid"),
        # Leaves the machine as it is: no rules, no routing, no bridge but those of our stacks.
        # Published ports go through docker's own proxy; containers reach no other machine.
        "--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false",
        "--bridge", "none",
    ]  # fmt: skip
    if fetched.exists():
        words += ["--userland-proxy-path", str(fetched / "usr/sbin/docker-proxy")]
    return words


def _environment() -> dict[str, str]:
    fetched = programs()
    if not fetched.exists():
        return dict(os.environ)
    [libraries] = [path.parent for path in Path(fetched / "usr/lib").glob("*/libmnl.so.0")]
    folders = [str(fetched / "usr/sbin"), str(fetched / "usr/bin"), os.defpath, "/sbin:/usr/sbin"]
    return os.environ | {
        "PATH": os.pathsep.join(folders),
        "LD_LIBRARY_PATH": str(libraries),
        "XTABLES_LIBDIR": str(libraries / "xtables"),
    }


if __name__ == "__main__":
    sys.exit(main())
