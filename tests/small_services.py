"""Services of a few lines in place of the shop's. Imports little, so that owners start fast."""

import sys
from dataclasses import replace

from hopwatch_stack.readiness import TcpReady
from hopwatch_stack.services import Service

# Answers each connection with its pid; on SIGTERM serves on for a moment, as the shop's services,
# and leaves no connection that it has accepted without an answer.
SERVER = """
import os, signal, socket, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
server.settimeout(0.05)
leave = []
signal.signal(signal.SIGTERM, lambda *_: leave.append(time.monotonic() + 0.3))
print("listening", flush=True)
while not leave or time.monotonic() < leave[0]:
    try:
        connection, _ = server.accept()
    except TimeoutError:
        continue
    connection.sendall(str(os.getpid()).encode())
    connection.close()
"""
STUBBORN = SERVER.replace("leave.append(time.monotonic() + 0.3)", "None")


def server(name: str, port: int, code: str = SERVER, **fields: object) -> Service:
    service = Service(
        name=name,
        program=lambda: [sys.executable, "-c", code, str(port)],
        ready=TcpReady(port),
        ports={name: port},
        stop_seconds=2,
    )
    return replace(service, **fields)
