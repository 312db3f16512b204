"""What is measured, in words: the rows of the matrix. To add one, add it here and to what makes
its values (`turn` for those of contenders, `artifacts` for those of implementations)."""

from dataclasses import dataclass

from .statistics import Better


@dataclass(frozen=True)
class Row:
    """`per` says whose it is: a contender's, measured in every turn, or an implementation's,
    counted once."""

    name: str
    group: str
    title: str
    unit: str
    better: Better
    per: str
    means: str


_TURN, _ONCE = "contender", "implementation"

ROWS = (
    Row("latency_p50", "Latency", "Latency p50 at the fixed rate", "ms", "lower", _TURN,
        "from when a request was due until it was answered; the median of a turn's requests. One"
        " that failed counts as the 2 s that its client waits"),
    Row("latency_p95", "Latency", "Latency p95 at the fixed rate", "ms", "lower", _TURN,
        "19 of 20 requests of a turn took at most this long"),
    Row("latency_p99", "Latency", "Latency p99 at the fixed rate", "ms", "lower", _TURN,
        "99 of 100 requests of a turn took at most this long"),
    Row("failed_share", "Latency", "Requests failed at the fixed rate", "%", "lower", _TURN,
        "of those that were due, none sent again"),
    Row("throughput", "Capacity", "Top throughput within the limit", "requests/s", "higher", _TURN,
        "the highest rate tried at which p99 stayed within the limit and no request failed; 0 if"
        " none from 5 a second on did"),
    Row("cpu", "Capacity", "CPU per 1,000 requests", "s", "lower", _TURN,
        "user and system time of the service's processes at the fixed rate, per 1,000 that"
        " succeeded"),
    Row("postgres_cpu", "Capacity", "CPU of Postgres per 1,000 requests", "s", "lower", _TURN,
        "user and system time of all its processes meanwhile"),
    Row("memory_idle", "Memory", "Memory, idle", "MB", "lower", _TURN,
        "RSS of the service a second after the first answer"),
    Row("memory_loaded", "Memory", "Memory, loaded", "MB", "lower", _TURN,
        "RSS at the end of the fixed rate"),
    Row("start", "Starting and leaving", "Start to first answer", "ms", "lower", _TURN,
        "from the start of the process until it has answered a call"),
    Row("drain", "Starting and leaving", "Drain on SIGTERM under load", "s", "lower", _TURN,
        "from the signal until the process has ended, a successor on the same port; it serves on"
        " for SHOP_DRAIN_SECONDS, as all do"),
    Row("failed_handover", "Starting and leaving", "Failed while it was replaced",
        "requests", "lower", _TURN, "of all requests that were due in the second before the signal"
        " and the three after it, none sent again"),
    Row("bytes", "On the wire", "Bytes on the wire a request", "bytes", "lower", _TURN,
        "sent and received by the client's connections, headers and frames included; what TCP adds"
        " is not"),
    Row("artifact", "Size", "What is deployed", "MB", "lower", _ONCE,
        "the binary, or the code with all packages that it needs at run time, not compressed"),
    Row("runtime", "Size", "Runtime needed beside it", "MB", "lower", _ONCE,
        "the interpreter with its standard library; 0 for a static binary"),
    Row("code_lines", "Size", "Lines of code", "lines", "lower", _ONCE,
        "with code on them, neither tests nor generated code, of what all four do: REST and"
        " payments as a service are left out"),
)  # fmt: skip

LIMITS = (
    "The load, Postgres and the service share one machine's cores: at high rates they compete, and"
    " throughput is that of all together.",
    "One machine, loopback: no network, no TLS, no other tenants.",
    "Each implementation is ours: one team's idiom in each language, one choice of libraries."
    " Another team's code may be in another order.",
    "One process each, as the stack starts it. Node and Python use one core at a time; more"
    " processes would use more, and more memory.",
    "The work is calls that mostly wait for Postgres. How far apart work that computes would set"
    " the languages is not measured.",
    "Each turn begins with a new process: what a service becomes after hours (caches, garbage,"
    " leaks) is not in it.",
    "Telemetry is on, sent to a receiver that forgets it: SDKs are part of what is measured.",
    "Intervals are of each figure by itself: of 150 pairs that are alike about one is told apart by"
    " chance.",
    "What it takes to learn a language, to hire for it, or to find a library is not measured.",
)
