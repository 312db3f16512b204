"""Runs services as containers of a docker engine.

    host 127.0.0.1:8080 --> pod "bff" --------- bff, instance 1   A pod holds the network name, the
                            (ports, name "bff") bff, instance 2   ports; instances share both.

A service that may not overlap has no pod: its one container holds name and ports itself.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from ..errors import ServiceError, StackError
from ..logs import Logs
from ..ports import require_free
from ..progress import Silent
from ..readiness import HttpReady
from ..runtime import Handle
from ..runtimes import DOCKER
from ..services import Service
from . import engine, images
from .instances import ENGINE_ERRORS, POD_PROGRAM, FoundContainer, LaunchedContainer
from .placing import MEBIBYTE, InContainers, confinement, mounts

STACK_LABEL = "hopwatch.stack"
SERVICE_LABEL = "hopwatch.service"
POD_MEMORY_MIB = 16
PROCESSES = 256
HEALTH_SECONDS = 30
SECOND = 1_000_000_000
PROGRAMS = str(Path(POD_PROGRAM).parent)
CONFLICT = 409


class DockerRuntime(Logs):
    """See runtime.Runtime. Everything of a stack bears its label in the engine, so that any
    process finds it, and removes it when its owner was killed."""

    name = DOCKER

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self.surroundings = InContainers()
        self._state_dir = state_dir
        digest = hashlib.sha256(str(state_dir).encode()).hexdigest()
        self.stack_id = f"hopwatch-{digest[:8]}"
        self._labels = {STACK_LABEL: self.stack_id}
        self._programs = f"{self.stack_id}-programs"
        self._data = f"{self.stack_id}-data"
        self._known_client: docker.DockerClient | None = None
        self._images: dict[str, str] = {}
        self._pods: dict[str, str] = {}

    def prepare(self, services: Sequence[Service]) -> None:
        require_free({n: p for service in services for n, p in service.ports.items()})
        self._images = images.build(self._client, Silent())
        self.clear()
        self.begin()
        try:
            self._client.networks.create(self.stack_id, labels=self._labels)
            for volume in (self._programs, self._data):
                self._client.volumes.create(volume, labels=self._labels)
            # A container of the pod's image, even one that is never started, fills the volume
            # by which all others have its program.
            self._client.containers.create(
                self._images["pod"], volumes={self._programs: {"bind": PROGRAMS}}
            ).remove()
            self._pods = {s.name: self._make_pod(s) for s in services if s.overlaps}
        except ENGINE_ERRORS as error:
            raise StackError(f"docker could not prepare the stack: {error}") from error

    def launch(self, service: Service, env: Mapping[str, str]) -> LaunchedContainer:
        self.append(service.name).close()  # So that it has a log even if it cannot be started.
        try:
            container = self._client.containers.run(**self._container(service, env))
        except ENGINE_ERRORS as error:
            raise ServiceError(service.name, f"cannot be started: {error}", "") from error
        return LaunchedContainer(self._client, container, service, self)

    def find(self, handle: Handle) -> FoundContainer | None:
        try:
            client = engine.reconnect(handle["engine"])
            container = client.containers.get(handle["container"])
        except ENGINE_ERRORS:
            return None
        found = FoundContainer(container, handle["stop_signal"])
        return found if found.exit() is None else None

    def clear(self) -> None:
        try:
            wanted = {"label": f"{STACK_LABEL}={self.stack_id}"}
            # Those that have another's network go first.
            for container in self._client.containers.list(all=True, filters=wanted):
                _remove(container, force=True, v=True)
            for network in self._client.networks.list(filters=wanted):
                _remove(network)
            for volume in self._client.volumes.list(filters=wanted):
                _remove(volume)
        except ENGINE_ERRORS as error:
            raise StackError(f"docker could not remove the stack: {error}") from error

    @property
    def _client(self) -> docker.DockerClient:
        if self._known_client is None:
            self._known_client = engine.connect()
        return self._known_client

    def _make_pod(self, service: Service) -> str:
        pod = self._client.containers.run(
            **self._anywhere(service, self._images["pod"], POD_MEMORY_MIB),
            **self._at_home(service),
            name=f"{self.stack_id}-{service.name}-pod",
        )
        return str(pod.id)

    def _container(self, service: Service, env: Mapping[str, str]) -> dict[str, Any]:
        """The words of `docker run`."""
        confined = confinement(service)
        folders = mounts(service)
        for mount in folders:  # Docker would make them root's.
            mount.folder.mkdir(parents=True, exist_ok=True)
        volumes = {str(m.folder): {"bind": m.place, "mode": m.mode} for m in folders}
        volumes[self._programs] = {"bind": PROGRAMS, "mode": "ro"}
        if confined.data:
            volumes[self._data] = {"bind": confined.data, "mode": "rw"}
        if service.name in self._pods:
            place = {"network_mode": f"container:{self._pods[service.name]}"}
        else:
            place = self._at_home(service)
        return {
            **self._anywhere(service, self._images[confined.image], confined.memory_mib),
            **place,
            "entrypoint": confined.entrypoint,
            "command": list(service.arguments) or None,
            "environment": {**env, **confined.env, **self._secrets(service)},
            "volumes": volumes,
            "user": self._owner() if any(mount.writable for mount in folders) else None,
            "stop_signal": service.stop_signal.name,
            "healthcheck": _health(service),
        }

    def _anywhere(self, service: Service, image: str, memory_mib: int) -> dict[str, Any]:
        """What all containers have in common."""
        return {
            "image": image,
            "detach": True,
            "labels": {**self._labels, SERVICE_LABEL: service.name},
            "read_only": True,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "mem_limit": memory_mib * MEBIBYTE,
            "memswap_limit": memory_mib * MEBIBYTE,
            "pids_limit": PROCESSES,
            "tmpfs": {"/tmp": "size=64m,mode=1777"},
        }

    def _at_home(self, service: Service) -> dict[str, Any]:
        return {
            "network": self.stack_id,
            "hostname": service.name,
            "networking_config": {
                self.stack_id: self._client.api.create_endpoint_config(aliases=[service.name])
            },
            "ports": {f"{port}/tcp": ("127.0.0.1", port) for port in service.ports.values()},
        }

    def _owner(self) -> str:
        """Who writes into folders of this machine: their owner, so that they stay the owner's.
        A rootless engine takes its root for the user who runs it."""
        rootless = "name=rootless" in self._client.info()["SecurityOptions"]
        return "0:0" if rootless else f"{os.getuid()}:{os.getgid()}"

    def _secrets(self, service: Service) -> dict[str, str]:
        if service.name != "postgres-init":
            return {}
        return {"POSTGRES_PASSWORD": (self._state_dir / "postgres.password").read_text()}


def _health(service: Service) -> dict[str, Any] | None:
    """What `docker ps` shows; the image's own check, unless it would cost a whole runtime."""
    if not isinstance(service.ready, HttpReady):
        return None
    address = f"127.0.0.1:{service.ready.port}"
    return {
        "test": ["CMD", POD_PROGRAM, "answers", address, service.ready.path],
        "interval": HEALTH_SECONDS * SECOND,
        "timeout": 3 * SECOND,
    }


def _remove(thing: Any, **options: Any) -> None:
    try:
        thing.remove(**options)
    except NotFound:
        pass  # It ended by itself meanwhile.
    except APIError as error:
        if error.status_code != CONFLICT:  # Its removal is in progress.
            raise
