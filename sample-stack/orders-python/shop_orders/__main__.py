"""python -m shop_orders: the shop's business service, by gRPC and REST."""

import argparse
import os
import sys

import uvloop

from . import service, telemetry
from .config import Address, Config, ConfigError
from .database import DatabaseNotReadyError
from .server.health import probe

PROBE_SECONDS = 2.0


def main() -> int:
    """Run what the arguments say; the exit code."""
    arguments = argparse.ArgumentParser(prog="shop_orders", description=__doc__)
    arguments.add_argument(
        "-healthcheck",
        action="store_true",
        help="ask the service that runs with this environment whether it is serving; "
        "exit code 0 if so",
    )
    try:
        only_ask = arguments.parse_args().healthcheck
        config = Config.from_environment(os.environ)
        if only_ask:
            uvloop.run(_check_health(config.listen))
        else:
            telemetry.log_to_console(telemetry.SERVICE_NAME)
            uvloop.run(service.run(config))
    except (ConfigError, DatabaseNotReadyError, service.ListenError, NotServingError) as error:
        print(f"{telemetry.SERVICE_NAME}: {error}", file=sys.stderr)
        return 1
    return 0


class NotServingError(Exception):
    """The service is not there, or is not serving."""


async def _check_health(listen: Address) -> None:
    # What listens on all addresses is asked at one of them.
    host = "127.0.0.1" if listen.host in ("0.0.0.0", "::") else listen.host
    address = str(listen._replace(host=host))
    health = await probe(address, PROBE_SECONDS)
    if health != "SERVING":
        raise NotServingError(f"health of {address}: {health}")


if __name__ == "__main__":
    sys.exit(main())
