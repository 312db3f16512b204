#!/usr/bin/env python3
"""Generate the Go, TypeScript and Python code of the contracts in hopwatch/shop/v1.

    python sample-stack/proto/generate.py            writes the committed code anew
    python sample-stack/proto/generate.py --check    exits 1 and names the files that differ

Every tool is pinned: protoc comes with grpcio-tools (requirements.lock), the Go plugins are
tools of orders-go/go.mod, ts-proto is in sample-stack/package-lock.json.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hopwatch_stack import toolchains
from hopwatch_stack.errors import StackError

PROTO = Path(__file__).resolve().parent
STACK = PROTO.parent
CONTRACT = "hopwatch/shop/v1/shop.proto"
# Payments is a service of its own in Go only.
GO_CONTRACTS = (CONTRACT, "hopwatch/shop/v1/payments.proto")

GO_MODULE = "hopwatch.dev/shop/orders"
GO_PROJECT = STACK / "orders-go"
GO_PLUGINS = (
    "google.golang.org/protobuf/cmd/protoc-gen-go",
    "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
)
TS_PLUGIN = STACK / "node_modules" / ".bin" / "protoc-gen-ts_proto"
TS_COMMON = (
    "env=node,esModuleInterop=true,outputServices=grpc-js,removeEnumPrefix=true,useExactTypes=false"
)
TS_OPTIONS = {
    # Prices in cents stay far below 2^53, and ts-proto throws above it: number is exact here.
    # Timestamps as RFC 3339 strings keep the microseconds that a Date would drop. Answers come in
    # JSON too; requests are JSON of the contract as they are.
    "bff/src/gen": f"{TS_COMMON},outputJsonMethods=from-only,forceLong=number,useDate=string",
    # Its clients may ask for any 64-bit amount, and must be told what is wrong with it.
    "orders-node/src/gen": f"{TS_COMMON},outputJsonMethods=false,forceLong=bigint,useDate=false",
}
PY_PACKAGE = "shop_orders.gen"
PY_FOLDER = "orders-python/shop_orders/gen"

# Folders that hold generated code and nothing else, from STACK.
GENERATED = (
    Path("orders-go/internal/gen/shopv1"),
    *(Path(folder) for folder in TS_OPTIONS),
    Path(PY_FOLDER),
)


class GenerateError(StackError):
    """A generator is missing or failed."""


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Generate Go, TypeScript and Python code from the contract."
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a file differs"
    )
    check = parser.parse_args().check
    try:
        with tempfile.TemporaryDirectory(prefix="hopwatch-proto-") as scratch:
            made = Path(scratch) / "out"
            generate(made, plugins=Path(scratch) / "bin")
            stale = sorted(differing(made))
            if not check:
                install(made, stale)
    except StackError as error:
        print(f"generate.py: {error}", file=sys.stderr)
        return 2
    for path in stale:
        print(f"{'differs' if check else 'written'}: sample-stack/{path}")
    if check and stale:
        print("Run sample-stack/proto/generate.py and commit what it writes.", file=sys.stderr)
        return 1
    return 0


def generate(out: Path, plugins: Path) -> None:
    """Write all generated code below `out`, laid out as below sample-stack/."""
    if not TS_PLUGIN.exists():
        raise GenerateError("ts-proto is not installed: run `npm ci` in sample-stack/ first.")
    plugins.mkdir()
    run([toolchains.find("go"), "build", "-o", f"{plugins}{os.sep}", *GO_PLUGINS], cwd=GO_PROJECT)
    go_out = out / "orders-go"
    go_out.mkdir(parents=True)
    protoc(
        f"--plugin=protoc-gen-go={plugins / 'protoc-gen-go'}",
        f"--plugin=protoc-gen-go-grpc={plugins / 'protoc-gen-go-grpc'}",
        *(f"--go_out={go_out}", f"--go_opt=module={GO_MODULE}"),
        *(f"--go-grpc_out={go_out}", f"--go-grpc_opt=module={GO_MODULE}"),
        contracts=GO_CONTRACTS,
    )
    for folder, options in TS_OPTIONS.items():
        ts_out = out / folder
        ts_out.mkdir(parents=True)
        protoc(
            f"--plugin=protoc-gen-ts_proto={TS_PLUGIN}",
            *(f"--ts_proto_out={ts_out}", f"--ts_proto_opt={options}"),
        )
    py_out = out / PY_FOLDER
    py_out.mkdir(parents=True)
    protoc(f"--python_out={py_out}", f"--pyi_out={py_out}", f"--grpc_python_out={py_out}")
    keep_in_package(py_out)


def keep_in_package(folder: Path) -> None:
    """protoc knows no Python packages but the folders of the contract: it would import its own
    modules from `hopwatch`, which is the analyzer."""
    imports, kept = "\nfrom hopwatch.", f"\nfrom {PY_PACKAGE}.hopwatch."
    for file in folder.rglob("*.py*"):
        file.write_text(file.read_text().replace(imports, kept))


def protoc(*options: str, contracts: Sequence[str] = (CONTRACT,)) -> None:
    words = [sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTO}"]
    run([*words, *options, *contracts], cwd=PROTO)


def run(command: Sequence[str | Path], cwd: Path) -> None:
    # Its PATH has Node, which the ts-proto plugin starts.
    environment = toolchains.environment()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise GenerateError(f"{command[0]} failed in {cwd}:\n{done.stdout}{done.stderr}".rstrip())


def differing(made: Path) -> set[Path]:
    """Paths (from sample-stack/) of the files that are new, changed or no longer made."""
    fresh = contents(made)
    committed = contents(STACK)
    return {path for path in fresh | committed if fresh.get(path) != committed.get(path)}


def contents(root: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(root): path.read_bytes()
        for folder in GENERATED
        for path in (root / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def install(made: Path, stale: list[Path]) -> None:
    for path in stale:
        target = STACK / path
        if (made / path).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((made / path).read_bytes())
        else:
            target.unlink()


if __name__ == "__main__":
    sys.exit(main())
