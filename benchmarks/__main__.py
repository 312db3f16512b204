"""All that is measured of reports, in a few minutes (`make bench`).

python -m benchmarks --json FILE
python -m benchmarks --full --stores DIR     # ten million spans, traces of a million
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

from benchmarks import attribution, compare, giants, scale, start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--full", action="store_true", help="what takes longer, too")
    parser.add_argument("--stores", type=Path, help="folder of stores, to use them again")
    parser.add_argument("--json", type=Path, help="file for the figures, to compare two runs")
    args = parser.parse_args()
    sizes = [10_000, 100_000, 1_000_000, *([10_000_000] if args.full else [])]
    longest = 1_000_000 if args.full else 100_000

    by_size = scale.measure(sizes, args.stores)  # first: this process is small as yet
    scale.show(by_size)
    print()
    stages = attribution.measure(1_000_000)
    attribution.show(stages)
    print()
    odd = giants.measure(longest)
    giants.show(longest, odd)
    print()
    changed = compare.measure(1_000_000, routes=10, roles=20)
    compare.show(changed)
    print()
    soon = start.measure()
    start.show(soon)
    if args.json:
        document = {
            "schema": "hopwatch.benchmark/2",
            "machine": platform.machine(),
            "python": platform.python_version(),
            "stages": stages,
            "scale": by_size,
            "giants": {"spans": longest, "seconds": odd},
            "compare": changed,
            "start_seconds": soon,
        }
        args.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
