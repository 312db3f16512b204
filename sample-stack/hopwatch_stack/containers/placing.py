"""Where the stack's services are in containers, and how each is confined there."""

from dataclasses import dataclass, field
from pathlib import Path

from .. import builds
from ..errors import ServiceError
from ..paths import COLLECTOR
from ..services import Service

HOST = "/host"
# Places of the images for what processes find in the checkout.
IN_IMAGES = {
    builds.WEB_ROOT: "/app/web",
    COLLECTOR / "config.yaml": "/etc/otelcol/config.yaml",
}
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Confinement:
    """What a container of a service is made of and kept within. `data` is the folder of it that
    outlives the container."""

    image: str
    memory_mib: int
    entrypoint: list[str] | None = None
    env: dict[str, str] = field(default_factory=dict)
    data: str | None = None
    # The only one that there is an image of, where there are several.
    implementation: str = ""


POSTGRES_DATA = "/var/lib/postgresql/shop"
CONFINEMENTS = {
    "postgres-init": Confinement(
        "postgres", 256, entrypoint=["/usr/local/bin/postgres-init"], data=POSTGRES_DATA
    ),
    "postgres": Confinement("postgres", 256, data=POSTGRES_DATA),
    "hopwatch": Confinement("hopwatch", 1024),
    "dashboard": Confinement("hopwatch", 2048),
    "collector": Confinement("collector", 192),
    "migrate": Confinement("migrate", 64),
    "orders": Confinement("orders", 128, implementation="go"),
    "payments": Confinement("payments", 64),
    "bff": Confinement("bff", 256),
}


def confinement(service: Service) -> Confinement:
    """Raises ServiceError when there is no image of this implementation of the service."""
    known = CONFINEMENTS[service.name]
    if known.implementation != service.implementation:
        what = (
            f"cannot be started: there is an image of it in {known.implementation} only, not in "
            f"{service.implementation}; `--runtime processes` runs every implementation"
        )
        raise ServiceError(service.name, what, log_end="")
    return known


class InContainers:
    """See surroundings.Surroundings: each service is a host of its own, named as it is called;
    folders of this machine are below /host, where mounts of their own bring them."""

    def listen(self, port: int) -> str:
        return f"0.0.0.0:{port}"

    def reach(self, service: str, port: int) -> str:
        return f"{service}:{port}"

    def path(self, path: Path) -> str:
        return IN_IMAGES.get(path, f"{HOST}{path}")


@dataclass(frozen=True)
class Mount:
    """A folder of this machine, which a container has below /host."""

    folder: Path
    writable: bool

    @property
    def mode(self) -> str:
        return "rw" if self.writable else "ro"

    @property
    def place(self) -> str:
        return f"{HOST}{self.folder}"


def mounts(service: Service) -> list[Mount]:
    """What the service's words speak of: folders that it writes, and files, which are read and
    may not be there yet, by the folders they are in."""
    words = [*service.arguments, *service.env.values()]
    paths = [Path(word.removeprefix(HOST)) for word in words if word.startswith(f"{HOST}/")]
    return [
        Mount(path.parent, writable=False) if path.suffix == ".json" else Mount(path, writable=True)
        for path in paths
    ]
