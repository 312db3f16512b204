"""The committed Go, TypeScript and Python code is what the contract generates."""

import subprocess
import sys

from hopwatch_stack.paths import ROOT

GENERATE = ROOT / "sample-stack" / "proto" / "generate.py"


def test_generated_code_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(GENERATE), "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
