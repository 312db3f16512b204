"""Scenarios from TOML. Errors name the key and say what is allowed.

    description = "..."                    # optional, as is every key unless said otherwise
    start = 2026-11-01T00:00:00Z           # true time of the beginning
    resource = { "cloud.region" = "x" }    # what every service says of itself

    [load]
    rate = 100.0                           # required: requests a second
    bursts = { factor = 4, calm = "20s", burst = "5s" }
    drift = { time = "10s", sigma = 0.3 }  # of the rate
    pace = { time = "10s", sigma = 0.2 }   # of all work

    [network]                              # the way to any service, and back
    out = "lognormal(150us, 0.4)"
    back = "lognormal(150us, 0.4)"

    [routes]                               # required: "SERVICE OPERATION" = weight
    "shop-bff GET /api/home" = 3

    [services.shop-bff]                    # see scenario.Service
    language = "nodejs"                    # required
    version = "1.0.0"
    instances = 2
    hosts = ["a", "b"]
    workers = 8
    pools = { pg = 10 }
    network = { out = "1ms", back = "5ms" }
    stamps = "javascript"
    jitter = "2us"
    instrumented = true
    sampling = 0.1
    lost = 0.01

    [services.shop-bff.operations]         # OPERATION = [STEP, ...]
    "GET /api/home" = [
      { work = "lognormal(500us, 0.5)" },
      { span = "render", steps = [{ work = "1ms" }] },
      { db = "postgresql/shop", query = "SELECT products", time = "exponential(1ms)" },
      { remote = "bank.example:443", request = "POST /payments", time = "30ms" },
      { call = "orders shop.Orders/List", timeout = "200ms" },
      { call = "prices shop.Prices/Get", in_process = true },
      { call = "orders shop.Orders/Get", fail = 0.02, attempts = 3, backoff = "exponential(9ms)" },
      { parallel = [{ work = "1ms" }, [{ work = "1ms" }, { work = "2ms" }]], limit = 4 },
      { acquire = "pg", steps = [...] },
      { send = "kafka orders.placed", to = "mail confirm", time = "1ms", delay = "50ms" },
      { send = "kafka audit", to = "mail audit", time = "1ms", linked = true },
      { background = [...] },
      { work = "1ms", probability = 0.3, times = [1, 5] },
    ]

    [hosts.a]                              # its clock
    offset = "5ms"
    drift_ppm = 50.0
    steps = [{ at = "30s", by = "5ms" }]
    slews = [{ at = "60s", by = "-2ms", ppm = 500.0 }]

    [skew]                                 # of all other hosts: standard deviations
    offset = "5ms"
    drift_ppm = 20.0

    [observation]                          # see scenario.Observation
    sampling = 0.1
    lost = 0.001

An operation `GET /...` is served over HTTP, `package.Service/Method` over gRPC; any other name
is no more than a span: a root in a browser, a consumer of messages.
"""

from __future__ import annotations

import tomllib
from typing import Any, Final

from hopwatch.errors import InputError, UsageError
from hopwatch.simulation import values
from hopwatch.simulation.laws import AT_ONCE
from hopwatch.simulation.scenario import (
    EPOCH_NS,
    Acquire,
    Action,
    Background,
    Call,
    Clock,
    Inner,
    Leaf,
    Load,
    Network,
    Observation,
    Parallel,
    Scenario,
    Send,
    Service,
    Skew,
    Slew,
    Step,
    Work,
)
from hopwatch.simulation.stamps import STAMPS
from hopwatch.simulation.values import Keys

_ACTIONS: Final = (
    "work", "span", "db", "remote", "call", "parallel", "acquire", "send", "background",
)  # fmt: skip


def read_scenario(text: str) -> Scenario:
    """The scenario that TOML text describes. Raises InputError for what is no TOML, UsageError
    for a key or value that is not allowed."""
    try:
        return _scenario(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"no TOML: {error}") from error
    except RecursionError:
        raise UsageError("steps are nested too deeply") from None


def _scenario(document: dict[str, Any]) -> Scenario:
    keys = Keys(document, "")
    scenario = Scenario(
        description=keys.take("description", values.text, ""),
        start=keys.take("start", values.moment, EPOCH_NS),
        load=keys.take("load", _load),
        network=keys.take("network", _network, Network()),
        routes=keys.take("routes", values.map_of(values.positive, values.target)),
        services=keys.take("services", values.map_of(_service)),
        hosts=keys.take("hosts", values.map_of(_clock), {}),
        skew=keys.take("skew", _skew, Skew()),
        observation=keys.take("observation", _observation, Observation()),
        resource=keys.take("resource", values.map_of(values.text), {}),
    )
    keys.done()
    return scenario


def _service(value: Any, where: str) -> Service:
    keys = Keys(value, where)
    service = Service(
        language=keys.take("language", values.text),
        operations=keys.take("operations", values.map_of(_steps)),
        version=keys.take("version", values.text, "1.0.0"),
        instances=keys.take("instances", values.count(1, 10_000), 1),
        hosts=keys.take("hosts", values.list_of(values.text), ()),
        workers=keys.take("workers", values.count(0, 1_000_000), 0),
        pools=keys.take("pools", values.map_of(values.count(1, 1_000_000)), {}),
        network=keys.take("network", _network, None),
        stamps=keys.take("stamps", values.one_of(*STAMPS), "ns"),
        jitter=keys.take("jitter", values.duration, 0),
        instrumented=keys.take("instrumented", values.flag, True),
        sampling=keys.take("sampling", values.share, None),
        lost=keys.take("lost", values.share, None),
    )
    keys.done()
    return service


def _steps(value: Any, where: str) -> tuple[Step, ...]:
    return tuple(values.list_of(_step)(value, where))


def _step(value: Any, where: str) -> Step:
    keys = Keys(value, where)
    named = [name for name in _ACTIONS if keys.has(name)]
    if len(named) != 1:
        found = " and ".join(named) or "none"
        raise UsageError(f"{where}: a step has one of {', '.join(_ACTIONS)}; here is {found}")
    action = _action(keys, named[0])
    can_fail = isinstance(action, Call | Leaf)
    step = Step(
        action,
        probability=keys.take("probability", values.share, 1.0),
        times=keys.take("times", values.times, (1, 1)),
        fail=keys.take("fail", values.share, 0.0) if can_fail else 0.0,
        attempts=keys.take("attempts", values.count(1, 100), 1) if can_fail else 1,
        backoff=keys.take("backoff", values.law, AT_ONCE) if can_fail else AT_ONCE,
    )
    keys.done()
    return step


def _action(keys: Keys, name: str) -> Action:
    match name:
        case "work":
            return Work(keys.take(name, values.law))
        case "span":
            return Inner(keys.take(name, values.text), keys.take("steps", _steps))
        case "db":
            query = keys.take("query", values.text, "SELECT")
            return Leaf("db", keys.take(name, values.text), query, keys.take("time", values.law))
        case "remote":
            request = keys.take("request", values.http, "GET /")
            return Leaf(
                "remote", keys.take(name, values.text), request, keys.take("time", values.law)
            )
        case "call":
            return _call(keys, name)
        case "parallel":
            branches = keys.take(name, values.list_of(_branch))
            return Parallel(tuple(branches), keys.take("limit", values.count(1, 10_000), None))
        case "acquire":
            return Acquire(keys.take(name, values.text), keys.take("steps", _steps))
        case "send":
            broker, destination = keys.take(name, values.two_words)
            return Send(
                broker,
                destination,
                keys.take("to", values.target),
                keys.take("time", values.law),
                keys.take("delay", values.law, AT_ONCE),
                keys.take("linked", values.flag, False),
            )
        case _:
            return Background(keys.take(name, _steps))


def _call(keys: Keys, name: str) -> Call:
    target = keys.take(name, values.target)
    timeout = keys.take("timeout", values.duration, None)
    in_process = keys.take("in_process", values.flag, False)
    if in_process and timeout is not None:
        raise UsageError(f"{keys.where}: a call in process has no timeout")
    return Call(target, timeout, in_process)


def _branch(value: Any, where: str) -> tuple[Step, ...]:
    return _steps(value, where) if isinstance(value, list) else (_step(value, where),)


def _load(value: Any, where: str) -> Load:
    keys = Keys(value, where)
    load = Load(
        keys.take("rate", values.positive),
        keys.take("bursts", _bursts, None),
        keys.take("drift", _wander, None),
        keys.take("pace", _wander, None),
    )
    keys.done()
    return load


def _bursts(value: Any, where: str) -> tuple[float, int, int]:
    keys = Keys(value, where)
    bursts = (
        keys.take("factor", values.positive),
        keys.take("calm", values.lasting),
        keys.take("burst", values.lasting),
    )
    keys.done()
    return bursts


def _wander(value: Any, where: str) -> tuple[int, float]:
    keys = Keys(value, where)
    wander = keys.take("time", values.lasting), keys.take("sigma", values.positive)
    keys.done()
    return wander


def _network(value: Any, where: str) -> Network:
    keys = Keys(value, where)
    network = Network(keys.take("out", values.law, AT_ONCE), keys.take("back", values.law, AT_ONCE))
    keys.done()
    return network


def _clock(value: Any, where: str) -> Clock:
    keys = Keys(value, where)
    clock = Clock(
        keys.take("offset", values.signed, 0),
        keys.take("drift_ppm", values.ppm, 0.0),
        tuple(keys.take("steps", values.list_of(_clock_step), ())),
        tuple(keys.take("slews", values.list_of(_slew), ())),
    )
    keys.done()
    return clock


def _clock_step(value: Any, where: str) -> tuple[int, int]:
    keys = Keys(value, where)
    step = keys.take("at", values.duration), keys.take("by", values.signed)
    keys.done()
    return step


def _slew(value: Any, where: str) -> Slew:
    keys = Keys(value, where)
    slew = Slew(
        keys.take("at", values.duration),
        keys.take("by", values.signed),
        keys.take("ppm", values.positive),
    )
    keys.done()
    return slew


def _skew(value: Any, where: str) -> Skew:
    keys = Keys(value, where)
    skew = Skew(
        float(keys.take("offset", values.duration, 0)),
        keys.take("drift_ppm", values.nonnegative, 0.0),
    )
    keys.done()
    return skew


def _observation(value: Any, where: str) -> Observation:
    keys = Keys(value, where)
    observation = Observation(
        **{name: keys.take(name, values.share, default) for name, default in _SHARES.items()}
    )
    keys.done()
    return observation


_SHARES: Final = {
    "sampling": 1.0, "lost": 0.0, "duplicates": 0.0, "conflicts": 0.0, "late": 0.0, "cycles": 0.0,
    "shared_ids": 0.0, "negative": 0.0,
}  # fmt: skip
