"""Compiles all kernels and keeps them on disk, so that no simulation has to wait for it:

python -m hopwatch.simulation
"""

from __future__ import annotations

from hopwatch.simulation import changed, shipped, simulate, simulate_pair


def main() -> None:
    """Runs every kernel once."""
    simulate("odd", requests=50)
    simulate_pair(changed(shipped.load("chain"), ["none"]), requests=50)


if __name__ == "__main__":
    main()
