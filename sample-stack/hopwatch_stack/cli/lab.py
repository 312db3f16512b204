"""Faults of known truth, for trainings: start one, let others find it, stop it.

The stack must have been started for it: `hopwatch-stack up --labs`, or `make demo`.
"""

import argparse
import random
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from .. import labs
from ..errors import UsageError
from ..settings import Ports
from . import options

NAME = "lab"
HELP = "start, stop and record labs: faults of known truth, for trainings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _action(actions, "list", "what labs there are, without their answers", _list)
    start = _action(actions, "start", "start one, in place of the one that runs", _start)
    start.add_argument("name", nargs="?", help="which, as `lab list` calls it")
    start.add_argument("--surprise", action="store_true", help="any one; you are not told which")
    start.add_argument("--share", type=float, help="of the requests (default: the lab's own)")
    _action(actions, "status", "which one runs", _status)
    _action(actions, "stop", "stop the one that runs and tell its answer", _stop)
    _action(actions, "reset", "stop the one that runs, for the next class", _reset)
    recording = _action(actions, "record", "run one under load and keep its telemetry", _record)
    recording.add_argument("name", help="which, as `lab list` calls it")
    recording.add_argument("--output", type=Path, required=True, metavar="FILE.jsonl.gz")
    options.add_ports(recording)
    options.add_store(recording)


def run(args: argparse.Namespace) -> int:
    return int(args.act(args))


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    act: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=what, description=what)
    options.add_state_dir(parser)
    parser.set_defaults(act=act)
    return parser


def _list(args: argparse.Namespace) -> int:
    running = labs.current(args.state_dir.resolve())
    for lab in labs.all():
        runs = running is not None and running.lab is lab and not running.is_surprise
        print(f"{lab.name:<18} {lab.title}{' (runs)' if runs else ''}")
        print(f"{'':<18} {lab.symptom}")
    return 0


def _start(args: argparse.Namespace) -> int:
    if (args.name is None) != args.surprise:
        raise UsageError("name a lab (`hopwatch-stack lab list`), or say --surprise.")
    name = args.name or random.choice(labs.all()).name
    running = labs.start(
        args.state_dir.resolve(), name, share=args.share, is_surprise=args.surprise
    )
    print(f"{'A lab' if args.surprise else running.lab.name} runs.")
    print(running.lab.symptom)
    print(
        "Put load on (`hopwatch-stack load`) and find it. `hopwatch-stack lab stop` tells the "
        "answer."
    )
    return 0


def _status(args: argparse.Namespace) -> int:
    running = labs.current(args.state_dir.resolve())
    if running is None:
        print("No lab runs.")
        return 0
    name = "A surprise" if running.is_surprise else running.lab.name
    print(f"{name} runs since {running.started_at.astimezone():%H:%M:%S}, ", end="")
    print(f"in {running.share:.0%} of the requests.")
    print(running.lab.symptom)
    return 0


def _stop(args: argparse.Namespace) -> int:
    running = labs.stop(args.state_dir.resolve())
    if running is None:
        print("No lab runs.")
        return 0
    answer = running.lab.answer
    print(f"{running.lab.name} is over: {running.lab.title}.")
    print(f"Where: {answer.hop}, {answer.language}, {answer.kind}: {answer.where}.")
    print(answer.explanation)
    print("To see it once more:")
    print(
        f"  hopwatch report --since {running.started_at:%Y-%m-%dT%H:%M:%SZ} "
        f"--where {labs.NAME_ATTRIBUTE}={running.lab.name}"
    )
    return 0


def _reset(args: argparse.Namespace) -> int:
    running = labs.stop(args.state_dir.resolve())
    print("No lab ran." if running is None else "The lab is over; its answer stays untold.")
    now = datetime.now(UTC)
    print(
        "Its traces are kept, as all are. What begins now is healthy: "
        f"hopwatch report --since {now:%Y-%m-%dT%H:%M:%SZ}"
    )
    return 0


def _record(args: argparse.Namespace) -> int:
    # The analyzer takes a second to load; the other actions are to be quick.
    from ..labs.recording import record

    kept = record(
        args.state_dir.resolve(),
        args.store.resolve(),
        Ports.parse(args.ports),
        labs.get(args.name),
        args.output,
        Console(stderr=True),
    )
    print(
        f"{args.output}: {kept.traces} traces, {kept.spans} spans, {kept.logs} log records, "
        f"{kept.size / 1000:.0f} kB; {kept.faulty} traces carry the fault"
    )
    return 0
