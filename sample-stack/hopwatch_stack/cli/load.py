"""Put load on a running shop: requests at a chosen rate, and visits by a real browser."""

import argparse
import json
import sys

from rich.console import Console

from ..load.conductor import put_on
from ..load.plan import JOURNEYS, LoadPlan
from ..load.summary import describe
from ..settings import Ports
from . import options

NAME = "load"
HELP = "put load on the running shop"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_ports(parser)
    parser.add_argument("--rate", type=float, default=25, help="requests a second (default: 25)")
    parser.add_argument("--seconds", type=float, default=20, help="how long (default: 20)")
    parser.add_argument("--visits", type=int, default=0, help="visits by a browser (default: 0)")
    parser.add_argument(
        "--journeys",
        default=",".join(JOURNEYS),
        help=f"what the requests do (default: {','.join(JOURNEYS)})",
    )
    parser.add_argument(
        "--lab",
        default="",
        metavar="BAGGAGE",
        help='a fault, such as "hopwatch.lab.delay=shop-orders/PlaceOrder:50ms"',
    )
    parser.add_argument(
        "--lab-every",
        type=int,
        default=10,
        metavar="N",
        help="one request of each journey in N carries the fault (default: 10)",
    )
    parser.add_argument("--json", action="store_true", help="machine-readable result")


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when a request or a visit failed."""
    ports = Ports.parse(args.ports)
    plan = LoadPlan(
        shop_url=f"http://127.0.0.1:{ports.shop}",
        otlp_url=f"http://127.0.0.1:{ports.otlp_http}",
        rate=args.rate,
        seconds=args.seconds,
        visits=args.visits,
        journeys=tuple(args.journeys.split(",")),
        lab=args.lab,
        lab_every=args.lab_every,
    )
    result = put_on(plan, Console(file=sys.stderr) if args.json else Console())
    if args.json:
        print(json.dumps(result.to_dict(), indent=1))
    else:
        print(describe(result))
    return 1 if result.failures else 0
