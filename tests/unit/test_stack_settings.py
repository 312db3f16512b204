"""What is refused before anything starts: ports, loads, a collector that its lock does not hold."""

import argparse
from pathlib import Path

import pytest
from rich.console import Console

from hopwatch_stack import builds, implementations, toolchains
from hopwatch_stack.cli import options
from hopwatch_stack.errors import StackError, UsageError
from hopwatch_stack.load.plan import LoadPlan
from hopwatch_stack.settings import Ports, Settings


def plan(**fields: object) -> LoadPlan:
    known = {"shop_url": "http://127.0.0.1:1", "otlp_url": "http://127.0.0.1:2"}
    return LoadPlan(**{**known, "rate": 10, "seconds": 1, **fields})  # type: ignore[arg-type]


def test_ports_not_named_keep_their_defaults() -> None:
    assert Ports.parse("shop=9090,orders=15099") == Ports(shop=9090, orders=15099)
    assert Ports.parse("") == Ports()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("shop", '"shop" is not NAME=PORT'),
        ("shop=http", '"shop=http" is not NAME=PORT'),
        ("shop=0", '"shop=0" is not NAME=PORT'),
        ("shop=65536", '"shop=65536" is not NAME=PORT'),
        ("cash=80", '"cash=80" is not NAME=PORT with a name of shop, '),
        ("shop=4317", "shop and otlp_grpc both want port 4317"),
    ],
)
def test_wrong_ports_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Ports.parse(text)


@pytest.mark.parametrize(
    "fields",
    [
        {"rate": -1},
        {"seconds": 0},
        {"rate": 0, "visits": 0},
        {"visits": -1},
        {"lab_every": 0},
        {"journeys": ("browse", "steal")},
        {"lab": "delay=50ms"},
    ],
)
def test_load_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        plan(**fields)


def test_plan_survives_the_way_to_another_process() -> None:
    there = plan(visits=3, lab="hopwatch.lab.delay=shop-orders:5ms", journeys=("order",))
    assert LoadPlan.from_json(there.to_json()) == there


def chosen(*words: str) -> Settings:
    parser = argparse.ArgumentParser()
    options.add_settings(parser)
    return options.settings(parser.parse_args(words))


def test_shop_is_chosen_by_option_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (chosen().orders, chosen().protocol, chosen().payments) == ("go", "grpc", "module")
    monkeypatch.setenv("HOPWATCH_STACK_PROTOCOL", "rest")
    assert chosen().protocol == "rest"
    assert chosen("--protocol", "grpc").protocol == "grpc"


def test_wrong_choice_of_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPWATCH_STACK_ORDERS", "cobol")
    with pytest.raises(UsageError, match='HOPWATCH_STACK_ORDERS is "cobol": there are go'):
        chosen()


@pytest.mark.parametrize(
    ("name", "wanted", "said"),
    [
        ("cobol", {}, 'no orders in "cobol": there are go, node, rust, python'),
        ("node", {"rest": True}, "orders in node serve gRPC only; by REST there are go"),
        ("node", {"payments_apart": True}, "orders in node know payments as a module only"),
    ],
)
def test_orders_that_nobody_has_are_refused(name: str, wanted: dict[str, bool], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        implementations.orders(name, **{"rest": False, "payments_apart": False, **wanted})


def test_absent_cargo_is_told_and_is_no_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hopwatch_stack.toolchains.cargo.USUAL_FOLDER", tmp_path)
    ran: list[str] = []
    monkeypatch.setattr(builds, "run_steps", lambda steps, _: ran.extend(s.name for s in steps))
    builds.build(Console())
    assert {"orders", "orders-node", "orders-python"} <= set(ran)
    assert "orders-rust" not in ran
    said = " ".join(capsys.readouterr().out.split())
    assert f"No orders in Rust: cargo is neither on PATH nor in {tmp_path}: install Rust 1." in said
    with pytest.raises(StackError, match="orders in rust cannot be had here: cargo is neither"):
        implementations.orders("rust", rest=False, payments_apart=False)


def test_old_cargo_does_not_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "cargo"
    old.write_text("#!/bin/sh\necho cargo 1.63.0")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StackError, match=r"cargo is cargo 1\.63\.0: install Rust 1\.\d+"):
        toolchains.find("cargo")


def test_collector_lock_holds_every_component() -> None:
    assert builds.collector_lock_disagreements() == []
