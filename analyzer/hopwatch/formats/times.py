"""Times as formats spell them, to integer nanoseconds, without a detour over floats."""

from __future__ import annotations

import calendar
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hopwatch.formats.decoded import ItemError
from hopwatch.formats.lenient_json import WrittenFloat, malformed

US: Final = 1_000
SECOND: Final = 1_000_000_000
"""In nanoseconds."""
_MAX_MAGNITUDE: Final = 30
"""Numbers of more digits are no times, and would take long to write out."""
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?"
    r"\s?(?:Z|UTC|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)


def get_time(holder: dict[str, Any], key: str, unit: int) -> int | None:
    """A time or a duration in nanoseconds, given as a number of `unit` nanoseconds (also with a
    fraction, also as text); None if it is not there."""
    value = holder.get(key)
    if value is None:
        return None
    if type(value) is int:
        return value * unit
    if isinstance(value, WrittenFloat):
        value = value.text
    if not isinstance(value, str):
        raise malformed(key, "a time", value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise malformed(key, "a time", value) from None
    if not number.is_finite() or number.adjusted() > _MAX_MAGNITUDE:
        raise malformed(key, "a time", value)
    return int((number * unit).to_integral_value())


def get_iso_time(holder: dict[str, Any], key: str) -> int | None:
    """A date and time as ISO 8601 writes it, in nanoseconds since the epoch, of digits beyond
    the ninth none; UTC where no zone is named. None if it is not there."""
    value = holder.get(key)
    if value is None or value == "":
        return None
    found = _ISO.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise malformed(key, "a time such as 2024-01-31T23:08:42.592837143Z", value)
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second <= 60):
        raise malformed(key, "a time such as 2024-01-31T23:08:42.592837143Z", value)
    if year == 0:
        raise ItemError("time_out_of_range", f"`{key}` is in the year 0")
    seconds = calendar.timegm((year, month, day, hour, minute, second))
    fraction, sign, hours, minutes = found.group(7, 8, 9, 10)
    if sign:
        offset = (int(hours) * 60 + int(minutes)) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * SECOND + int((fraction or "").ljust(9, "0"))
