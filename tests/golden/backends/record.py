"""Records the answers in this folder from real servers, empty ones, in their in-memory storage:
Jaeger 1.76 (its OTLP/HTTP receiver, its query service) and Zipkin 3.5.1.

    hopwatch simulate shop --requests 5 --seed 3 --out tests/golden/backends/sent.jsonl
    python -m tests.golden.backends.record http://OTLP http://JAEGER http://ZIPKIN
"""

from __future__ import annotations

import sys
import time
import urllib.request
from pathlib import Path

import hopwatch
from tests.zipkin_spans import zipkin_bodies

HERE = Path(__file__).parent
SENT = HERE / "sent.jsonl"
_JSON = {"Content-Type": "application/json"}


def main(otlp: str, jaeger: str, zipkin: str) -> None:
    """Send the spans, ask for them as hopwatch does, keep the answers byte for byte."""
    for line in SENT.read_bytes().splitlines():
        _ask(f"{otlp}/v1/traces", line)
    table = hopwatch.read(SENT)
    for body in zipkin_bodies(table):
        _ask(f"{zipkin}/api/v2/spans", body)
    time.sleep(3)
    starts = table["start_time_unix_nano"].to_pylist()
    first, last = min(starts) // 10**9, max(starts) // 10**9 + 1
    times = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (first, last)]
    web = "service=shop-web"
    answers = {
        "jaeger-v3": f"{jaeger}/api/v3/traces?query.service_name=shop-web"
        f"&query.start_time_min={times[0]}&query.start_time_max={times[1]}"
        "&query.num_traces=100&query.raw_traces=true",
        "jaeger-v1": f"{jaeger}/api/traces?{web}&start={first}000000&end={last}000000"
        "&limit=100&raw=true",
        "zipkin": f"{zipkin}/api/v2/traces?endTs={last}000"
        f"&lookback={(last - first) * 1000}&limit=100",
    }
    for name, url in answers.items():
        (HERE / f"{name}.json").write_bytes(_ask(url))


def _ask(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, body, _JSON)) as answer:
        data: bytes = answer.read()
        return data


if __name__ == "__main__":
    main(*sys.argv[1:])
