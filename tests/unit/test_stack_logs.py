"""The end of a service's log."""

from pathlib import Path

from hopwatch_stack.logs import END_BYTES, Logs


def test_end_of_a_long_log_is_of_whole_lines(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.begin()
    lines = [f'{{"number": {number}}}' for number in range(END_BYTES // 8)]
    with logs.append("orders") as log:
        log.write("".join(f"{line}\n" for line in lines).encode())
    told = logs.log_end("orders", len(lines)).splitlines()
    assert told == lines[-len(told) :]
    assert sum(len(line) + 1 for line in told) > END_BYTES - 2 * len(lines[-1])
    assert logs.log_end("orders", 2).splitlines() == lines[-2:]


def test_end_of_one_line_without_end_is_its_end(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    logs.begin()
    with logs.append("orders") as log:
        log.write(b"x" * (END_BYTES + 1) + b"y")
    assert logs.log_end("orders", 5) == "x" * (END_BYTES - 1) + "y"
