"""The docker engine: the one that answers, else one of this checkout's own.

An own engine needs root on Linux, and Debian's packages unless dockerd is installed. It has its
own data, network bridges and socket, changes no packet filter of the machine, and lives as long
as a process uses it (keeper.py), so that nothing is left when the last one has ended, however.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import docker
from docker.errors import DockerException

from ..commands import unfinished
from ..errors import StackError
from ..paths import CACHE, ROOT, TOOLS
from ..waiting import wait_until
from . import debian

PACKAGES = [
    "docker.io", "containerd", "runc", "libdevmapper1.02.1", "libseccomp2",
    # Names of containers are resolved by rules inside the containers' own networks.
    "iptables", "libip4tc2", "libip6tc2", "libxtables12", "libmnl0", "libnfnetlink0",
    "libnetfilter-conntrack3", "libnftnl11",
]  # fmt: skip
DATA = CACHE / "docker-engine"
# A socket's path must be short, which a checkout's need not be.
RUN = Path(f"/run/hopwatch-docker-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}")
SOCKET = RUN / "docker.sock"
OWN_URL = f"unix://{SOCKET}"
START_SECONDS = 30
CLIENT_SECONDS = 60

_lease: IO[str] | None = None


def connect() -> docker.DockerClient:
    """A client of the engine that DOCKER_HOST or the usual socket names, else of our own, which
    is started when it does not run. Raises StackError when neither can be had."""
    try:
        return _client(docker.from_env(timeout=CLIENT_SECONDS))
    except DockerException as error:
        if host := os.environ.get("DOCKER_HOST"):
            raise StackError(f"no docker engine answers at DOCKER_HOST={host}: {error}") from error
    _require_own()
    _take_lease()
    if not _answers():
        _start()
    return reconnect(OWN_URL)


def reconnect(url: str) -> docker.DockerClient:
    """A client of an engine that runs; raises DockerException when it does not."""
    return _client(docker.DockerClient(base_url=url, timeout=CLIENT_SECONDS))


def is_own(client: docker.DockerClient) -> bool:
    return client.api.base_url.startswith("http+docker") and url(client) == OWN_URL


def url(client: docker.DockerClient) -> str:
    """What `reconnect` needs."""
    adapter = client.api.get_adapter(client.api.base_url)
    path = getattr(adapter, "socket_path", None)
    return f"unix://{path}" if path else client.api.base_url


def lease_path() -> Path:
    """Locked, shared, by every process that uses our own engine."""
    return DATA / "users.lock"


def programs() -> Path:
    """Where our own engine's programs are, unless dockerd is installed."""
    wanted = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:8]
    return TOOLS / f"docker-{wanted}"


def _client(client: docker.DockerClient) -> docker.DockerClient:
    client.ping()
    return client


def _require_own() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        raise StackError(
            "no docker engine answers (DOCKER_HOST names one elsewhere), and one of our own "
            "needs root on Linux. Start docker, or use RUNTIME=processes."
        )
    if shutil.which("dockerd") or programs().exists():
        return
    try:
        debian.require()
    except StackError as error:
        raise StackError(f"no docker engine answers or is installed, and {error}.") from error


def _take_lease() -> None:
    """Waits for an engine that is about to stop; the lock ends with this process."""
    global _lease
    if _lease is None:
        lease_path().parent.mkdir(parents=True, exist_ok=True)
        lease = lease_path().open("a")
        fcntl.flock(lease, fcntl.LOCK_SH)
        _lease = lease


def _answers() -> bool:
    try:
        reconnect(OWN_URL).close()
    except DockerException:
        return False
    return True


def _start() -> None:
    _fetch()
    log_path = DATA / "engine.log"
    with log_path.open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "hopwatch_stack.containers.keeper"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )
    # Of two that start at once, one keeper gives way; the other's engine is for both.
    wait_until(lambda: _answers() or bool(keeper.poll()), START_SECONDS)
    if not _answers():
        lines = log_path.read_text(errors="replace").splitlines()[-20:]
        raise StackError("\n".join(["the docker engine did not start:", *lines]))


def _fetch() -> None:
    if shutil.which("dockerd") or programs().exists():
        return
    with (DATA / "fetch.log").open("w") as log, unfinished(programs()) as folder:
        debian.unpack(PACKAGES, folder, log)
        # What the package's maintainer scripts would have set up.
        (folder / "usr/sbin/iptables").symlink_to("xtables-nft-multi")
