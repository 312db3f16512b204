"""What is refused before anything starts: ports, loads, a collector that its lock does not hold."""

import argparse
from dataclasses import replace

import pytest

from hopwatch_stack import builds, implementations
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


def test_orders_that_cannot_be_had_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match='no orders in "cobol": there are go'):
        implementations.orders("cobol", rest=False)
    lacking = replace(implementations.ORDERS["go"], rest=False, missing=lambda: "no cargo")
    monkeypatch.setitem(implementations.ORDERS, "go", lacking)
    with pytest.raises(UsageError, match="orders in go serve gRPC only"):
        implementations.orders("go", rest=True)
    with pytest.raises(StackError, match="orders in go cannot be had here: no cargo"):
        implementations.orders("go", rest=False)


def test_collector_lock_holds_every_component() -> None:
    assert builds.collector_lock_disagreements() == []
