"""What a scenario's TOML may say, and how errors name what it may not."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from hopwatch.errors import HopwatchError, InputError, UsageError
from hopwatch.simulation import parsing, shipped, simulate
from hopwatch.simulation.drawing import drawn
from hopwatch.simulation.laws import KINDS, Law, parse
from hopwatch.simulation.parsing import read_scenario
from hopwatch.simulation.program import LAW, compile_scenario

SMALL = """
[load]
rate = 10.0
[routes]
"a GET /" = 1
[services.a]
language = "go"
[services.a.operations]
"GET /" = [{ work = "1ms" }]
"""


def _with(steps: str) -> str:
    return SMALL.replace('{ work = "1ms" }', steps)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("=", "no TOML"),
        ("", "the scenario: load is missing"),
        (SMALL.replace("rate", "speed"), "load: rate is missing"),
        (SMALL.replace("10.0", "-1"), "load.rate: a number from"),
        (SMALL + "\n[extra]\nx = 1", "unknown key 'extra'; allowed: description"),
        (SMALL.replace("language", "tongue"), "services.'a': language is missing"),
        (SMALL.replace('"go"', "7"), "services.'a'.language: a text is expected"),
        (SMALL.replace("a GET", "b GET"), "no service 'b'; there are a"),
        (SMALL.replace('"a GET /"', '"a"'), "two words are expected"),
        (_with("{}"), "a step has one of work, span, db"),
        (_with('{ work = "1ms", db = "x" }'), "here is work and db"),
        (_with('{ work = "1 parsec" }'), "work: '1 parsec' is no time; write 250us"),
        (_with('{ work = "gauss(1ms)" }'), "is no law; write a time or one of constant, normal"),
        (_with('{ work = "normal(1ms)" }'), "normal takes 2 parameters, 1 are given"),
        (_with('{ work = "pareto(1ms, 0)" }'), "must be above 0"),
        (_with('{ work = "mixture(0 1ms)" }'), "a weight of 0"),
        (_with('{ work = "mixture(1 mixture(1 1ms))" }'), "cannot hold another"),
        (_with('{ work = "2d" }'), "is no time"),
        (_with('{ work = "-1ms" }'), "'-1ms' is negative"),
        (_with('{ work = "normal(-1ms, 1ms)" }'), "'-1ms' is negative"),
        (_with('{ work = "99999h" }'), "longer than a day"),
        (_with('{ work = "1ms", times = [3, 1] }'), "times: a number, or [least, most]"),
        (_with('{ work = "1ms", times = [] }'), "times: a number, or [least, most]"),
        (_with("{ background = [" * 900 + "]}" * 900), "nested too deeply"),
        (_with('{ work = "1ms", probability = 2 }'), "a number from 0 to 1"),
        (_with('{ work = "1ms", fail = 0.1 }'), "unknown key 'fail'"),
        (_with('{ call = "b GET /" }'), "no service 'b'"),
        (_with('{ call = "a GET /other" }'), "no operation 'GET /other'; there are GET /"),
        (_with('{ call = "a GET /" }'), "cannot call itself: a GET / -> a GET /"),
        (_with('{ acquire = "pg", steps = [] }'), "no pool 'pg'; there are: none"),
        (SMALL.replace('"go"', '"go"\nstamps = "fine"'), "'fine' is none of ns, us, 256ns"),
        (SMALL.replace('"go"', '"go"\ninstances = 0'), "a number from 1 to"),
        (SMALL.replace('"go"', '"go"\ninstances = true'), "number"),
        (SMALL.replace('"go"', '"go"\ninstrumented = false'), "no request is seen"),
        (SMALL + '[hosts.h]\nsteps = [{ at = "-1s", by = "1ms" }]', "is negative"),
        (SMALL.replace("[load]", "start = 12\n[load]"), "start: a time such as"),
    ],
)  # fmt: skip
def test_errors_name_the_key_and_what_is_allowed(text: str, wanted: str) -> None:
    with pytest.raises(HopwatchError, match=re.escape(wanted)):
        compile_scenario(read_scenario(text))


def test_only_http_and_rpc_can_be_called() -> None:
    text = _with('{ call = "b work hard" }') + '[services.b]\nlanguage = "c"\n'
    text += '[services.b.operations]\n"work hard" = []\n'
    with pytest.raises(UsageError, match="cannot be called: it is neither HTTP"):
        compile_scenario(read_scenario(text))


@pytest.mark.parametrize("name", shipped.names())
def test_what_is_shipped_can_be_simulated(name: str) -> None:
    assert shipped.load(name).description
    assert simulate(name, 1, 20).table.num_rows > 20


def test_the_documented_example_is_read() -> None:
    """The module's docstring is the reference of the format."""
    text = inspect.getdoc(parsing) or ""
    example = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    assert read_scenario(example.replace("[...]", '[{ work = "1ms" }]')).load.rate == 100


def test_a_file_is_named_in_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    with pytest.raises(InputError, match=r"x\.toml: cannot be read"):
        shipped.load_file(path)
    path.write_text(SMALL.replace("rate", "speed"))
    with pytest.raises(UsageError, match=r"x\.toml: load: rate is missing"):
        shipped.load_file(path)


@pytest.mark.parametrize(
    ("text", "mean_ms"),
    [
        ("2ms", 2.0),
        ("normal(5ms, 1ms)", 5.0),
        ("lognormal(2ms, 0.5)", 2 * np.exp(0.125)),
        ("exponential(3ms)", 3.0),
        ("pareto(1ms, 3)", 1.5),
        ("mixture(3 1ms, 1 exponential(9ms))", 3.0),
    ],
)
def test_laws_have_their_means(text: str, mean_ms: float) -> None:
    law = parse(text)
    parts = [Law("constant", 0), *(part for _, part in law.parts)]
    total = sum(weight for weight, _ in law.parts)
    until = np.cumsum([weight / total for weight, _ in law.parts])
    laws = np.array(
        [(KINDS.index(law.kind), law.first, law.second, 1, len(law.parts), 0.0)]
        + [
            (KINDS.index(part.kind), part.first, part.second, 0, 0, share)
            for part, share in zip(parts[1:], until, strict=True)
        ],
        LAW,
    )
    times = [drawn(laws, 0, np.uint64(key), np.uint64(1), 1.0) for key in range(40_000)]
    assert np.mean(times) / 1e6 == pytest.approx(mean_ms, rel=0.03)
    assert min(times) >= 0
