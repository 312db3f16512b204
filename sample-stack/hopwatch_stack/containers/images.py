"""Builds the stack's images, by Dockerfiles that any docker understands."""

import fcntl
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import docker
from docker.errors import DockerException, ImageNotFound

from ..errors import StackError
from ..paths import BUILD, ROOT
from ..progress import Steps
from ..steps import Step, run_steps
from . import bases, engine

# Compiling and fetching say nothing for minutes.
BUILD_SECONDS = 1800
KEEP_STAGES = "24h"
# Which image was built last, a file each.
IDS = BUILD / "images"
DOCKERIGNORE = ROOT / ".dockerignore"


@dataclass(frozen=True)
class Image:
    """One of our images; `target` is the stage of its Dockerfile, the last unless told."""

    name: str
    dockerfile: str
    target: str | None = None

    @property
    def path(self) -> Path:
        return bases.DOCKERFILES / f"{self.dockerfile}.Dockerfile"

    @property
    def sources(self) -> list[Path]:
        """What of the checkout goes into it, as its Dockerfile says."""
        copied = re.findall(r"^COPY (?!--)(.+) \S+$", self.path.read_text(), re.MULTILINE)
        words = " ".join(copied).split()
        return [self.path, DOCKERIGNORE, *(ROOT / word for word in words)]

    @property
    def id_file(self) -> Path:
        return IDS / self.name

    @property
    def tag(self) -> str:
        return f"hopwatch/{self.name}:dev"


IMAGES = [
    Image("pod", "pod"),
    Image("postgres", "postgres"),
    Image("orders", "orders", "orders"),
    Image("payments", "orders", "payments"),
    Image("migrate", "orders", "migrate"),
    Image("collector", "collector"),
    Image("bff", "bff"),
    Image("hopwatch", "hopwatch"),
]


def build(client: docker.DockerClient, show: Steps) -> dict[str, str]:
    """Builds what has changed; returns the ids of the images by name. Raises StackError.

    Two builds of one checkout take turns.
    """
    client.api.timeout = BUILD_SECONDS
    IDS.mkdir(parents=True, exist_ok=True)
    with (IDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run_steps(_steps(client, local=bases.why_not_public(client) is not None), show)
        if engine.is_own(client):
            # Nobody else would: the stages of builds long past.
            client.images.prune(filters={"dangling": True, "until": KEEP_STAGES})
        return {image.name: image.id_file.read_text() for image in IMAGES}


def _steps(client: docker.DockerClient, local: bool) -> list[Step]:
    chosen = bases.public_bases()

    def stand_in(argument: str, log: IO[str]) -> None:
        chosen[argument] = bases.stand_in(client, argument, log)

    def base_words(image: Image) -> list[str]:
        return [chosen[argument] for argument in bases.arguments(image.path)]

    steps = []
    if local:
        steps = [
            Step(name=_base(argument), action=partial(stand_in, argument)) for argument in chosen
        ]
    for image in IMAGES:
        _forget_unless_there(client, image)
        arguments = bases.arguments(image.path) if local else ()
        steps.append(
            Step(
                name=f"{image.name} image",
                needs=[_base(argument) for argument in arguments],
                sources=image.sources,
                words=partial(base_words, image),
                makes=[image.id_file],
                action=partial(_build, client, image, chosen),
            )
        )
    return steps


def _base(argument: str) -> str:
    """ "GO_IMAGE" -> "base go"; "go image" might be one of ours."""
    return f"base {argument.removesuffix('_IMAGE').lower().replace('_', '-')}"


def _forget_unless_there(client: docker.DockerClient, image: Image) -> None:
    try:
        client.images.get(image.id_file.read_text())
    except (FileNotFoundError, ImageNotFound):
        image.id_file.unlink(missing_ok=True)


def _build(
    client: docker.DockerClient, image: Image, chosen: Mapping[str, str], log: IO[str]
) -> None:
    wanted = {name: chosen[name] for name in bases.arguments(image.path)}
    failure = None
    try:
        for said in client.api.build(
            path=str(ROOT),
            dockerfile=os.path.relpath(image.path, ROOT),
            target=image.target,
            tag=image.tag,
            buildargs=wanted,
            labels={"org.opencontainers.image.version": os.environ.get("SHOP_VERSION", "dev")},
            # Our own engine gives containers no way out but the machine's own network.
            network_mode="host" if engine.is_own(client) else None,
            rm=True,
            forcerm=True,
            decode=True,
        ):
            log.write(said.get("stream") or said.get("status") or "")
            failure = said.get("error") or failure
        if failure is None:
            image.id_file.write_text(client.images.get(image.tag).id)
            return
    except DockerException as error:
        failure = str(error)
    raise StackError(f"docker could not build it: {failure.strip()}")
