"""What is particular to the docker runtime: its images, how containers are confined, and that an
owner's death leaves nothing behind."""

import gzip
import io
import os
import signal
import subprocess
import tarfile
from dataclasses import replace
from typing import Any

import docker
import pytest

from hopwatch_stack import runtimes, toolchains
from hopwatch_stack.containers import bases, engine, images
from hopwatch_stack.containers.placing import InContainers, confinement
from hopwatch_stack.containers.runtime import STACK_LABEL, DockerRuntime
from hopwatch_stack.errors import ServiceError
from hopwatch_stack.services import services
from hopwatch_stack.session import SessionFile
from hopwatch_stack.settings import Settings
from hopwatch_stack.stack import Stack
from hopwatch_stack.waiting import wait_until
from tests.running_stack import RunningStack, hopwatch_stack

pytestmark = pytest.mark.docker
ORDERS_BYTES = 10_000_000
DASHBOARD_SECONDS = 60

NAMES = pytest.mark.parametrize("name", [image.name for image in images.IMAGES])


@pytest.fixture(scope="module")
def client(docker_images: None) -> docker.DockerClient:
    return engine.connect()


def image(client: docker.DockerClient, name: str) -> Any:
    [wanted] = [image for image in images.IMAGES if image.name == name]
    return client.images.get(wanted.id_file.read_text())


def layers(client: docker.DockerClient, name: str) -> list[bytes]:
    """The image's layers as tar archives."""
    saved = io.BytesIO(b"".join(image(client, name).save()))
    with tarfile.open(fileobj=saved) as archive:
        contents = [archive.extractfile(m) for m in archive.getmembers() if m.isfile()]
        raw = [content.read() for content in contents if content]
    return [content for content in raw if content[257:262] == b"ustar"]


def test_image_of_orders_is_small(client: docker.DockerClient) -> None:
    compressed = sum(len(gzip.compress(layer)) for layer in layers(client, "orders"))
    assert 1_000_000 < compressed <= ORDERS_BYTES


@pytest.mark.parametrize("name", ["pod", "orders", "payments", "migrate", "collector"])
def test_image_holds_no_shell(client: docker.DockerClient, name: str) -> None:
    files = set()
    for layer in layers(client, name):
        with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
            files |= {os.path.basename(member) for member in archive.getnames()}
    assert name.replace("migrate", "shop-migrate") in files or "otelcol-hopwatch" in files
    assert files.isdisjoint({"sh", "bash", "dash", "busybox"})


@NAMES
def test_image_starts_as_an_ordinary_user_without_a_shell(
    client: docker.DockerClient, name: str
) -> None:
    config = image(client, name).attrs["Config"]
    assert config["User"] not in ("", "0", "root")
    assert config["Labels"]["org.opencontainers.image.title"]
    words = (config["Entrypoint"] or []) + (config["Cmd"] or [])
    assert not {"sh", "/bin/sh", "bash"} & set(words)
    if health := config.get("Healthcheck"):
        assert health["Test"][0] == "CMD"


def test_dashboard_serves_from_the_image(client: docker.DockerClient) -> None:
    container = client.containers.run(
        image(client, "hopwatch"),
        ["dashboard", "--listen", "127.0.0.1:8501"],
        detach=True,
        read_only=True,
        tmpfs={"/tmp": ""},
        network_mode="none",
    )
    ask = "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health')"
    try:
        answered = wait_until(
            lambda: container.exec_run(["/usr/bin/python3", "-c", ask]).exit_code == 0,
            DASHBOARD_SECONDS,
        )
    finally:
        log = container.logs().decode()
        container.remove(force=True)
    assert answered, log


def test_implementation_without_an_image_is_refused(free_settings: Settings) -> None:
    settings = replace(free_settings, orders="node")
    described = {s.name: s for s in services(settings, InContainers())}
    with pytest.raises(ServiceError, match=r"image of it in go only, not in node; `--runtime pro"):
        confinement(described["orders"])
    for service in services(replace(settings, orders="go", payments="service"), InContainers()):
        assert confinement(service).image in {image.name for image in images.IMAGES}


def test_every_base_has_a_stand_in() -> None:
    assert set(bases.public_bases()) == set(bases.STAND_INS)


def test_sources_of_every_image_are_there() -> None:
    for one in images.IMAGES:
        assert [source for source in one.sources if not source.exists()] == []


@pytest.mark.parametrize("command", [["vet", "./..."], ["build", "-o", os.devnull, "."]])
def test_pod_is_sound(command: list[str]) -> None:
    done = subprocess.run(
        [toolchains.find("go"), *command],
        cwd=bases.DOCKERFILES / "pod",
        env=toolchains.environment("go"),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def of_stack(client: docker.DockerClient, settings: Settings) -> dict[str, list[Any]]:
    wanted = {"label": f"{STACK_LABEL}={DockerRuntime(settings.state_dir).stack_id}"}
    return {
        "containers": client.containers.list(all=True, filters=wanted),
        "networks": client.networks.list(filters=wanted),
        "volumes": client.volumes.list(filters=wanted),
    }


def test_containers_are_confined(client: docker.DockerClient, stack: RunningStack) -> None:
    containers = of_stack(client, stack.settings)["containers"]
    assert len(containers) >= 7
    for container in containers:
        host = container.attrs["HostConfig"]
        assert host["ReadonlyRootfs"], container.name
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["Memory"] > 0
        assert not host["Privileged"]
        published = [p for ports in (host["PortBindings"] or {}).values() for p in ports]
        assert {p["HostIp"] for p in published} <= {"127.0.0.1"}


def test_killed_owner_leaves_nothing_once_it_is_down(
    client: docker.DockerClient, free_settings: Settings
) -> None:
    words = ("--detach", "--no-dashboard", "--runtime", runtimes.DOCKER)
    hopwatch_stack("up", free_settings, *words)
    session = SessionFile(free_settings.state_dir).read()
    assert session is not None
    os.kill(session.owner_pid, signal.SIGKILL)
    assert all(of_stack(client, free_settings).values())
    assert Stack(free_settings.state_dir).stop() == []
    assert not any(of_stack(client, free_settings).values())
    assert Stack(free_settings.state_dir).status() == []
