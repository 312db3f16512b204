"""The health service (grpc.health.v1), which knows every service by name."""

import asyncio
from typing import Any

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

SERVING = health_pb2.HealthCheckResponse.SERVING


class HealthServicer(health.aio.HealthServicer):  # type: ignore[misc]
    """As the library's, with an end to watches: they never end by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._watches: set[asyncio.Task[None]] = set()

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802
        """Tell the health, and whenever it changes."""
        watch = asyncio.ensure_future(super().Watch(request, context))
        self._watches.add(watch)
        try:
            await watch
        except asyncio.CancelledError:
            watch.cancel()
        finally:
            self._watches.discard(watch)

    def end_watches(self) -> None:
        """End the streams of all who watch."""
        for watch in self._watches:
            watch.cancel()

    async def status(self) -> health_pb2.HealthCheckResponse.ServingStatus:
        """What it says of the server as a whole."""
        return (await self.Check(health_pb2.HealthCheckRequest(), None)).status


async def probe(address: str, seconds: float) -> str:
    """Ask the server at an address for its health; the name of the status, or what went wrong."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=seconds)
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name}: {error.details()}"
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))
