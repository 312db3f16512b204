"""How a fault is asked for, alike for all labs."""

import re
from dataclasses import dataclass

from opentelemetry import baggage, trace

from ..refusals import quoted

NAME_ATTRIBUTE = "hopwatch.lab.name"
ERROR_ATTRIBUTE = "hopwatch.lab.error"

# <service.name>[/<gRPC method>]:<measure><unit>
_PATTERN = re.compile(r"([^/:\s]+)(?:/(\S+))?:([1-9][0-9]{0,4})([a-z]*)")


@dataclass(frozen=True)
class Kind:
    """Of a lab: its key in the baggage, and how its measure is written."""

    key: str
    unit: str
    most: int

    def asked(self, service: str, method: str) -> int:
        """The measure that the baggage of a call of method ("/package.Service/Method") asks for;
        0: it does not ask this call."""
        value = baggage.get_baggage(self.key)
        if not isinstance(value, str) or not value:
            return 0
        parts = _PATTERN.fullmatch(value)
        if parts is None or parts[4] != self.unit or int(parts[3]) > self.most:
            asked = f"<service>[/<method>]:<1..{self.most}>{self.unit}"
            error = f"{quoted(value, 80)} is not {asked}"
            trace.get_current_span().set_attribute(ERROR_ATTRIBUTE, error)
            return 0
        if parts[1] != service or (parts[2] and not method.endswith(f"/{parts[2]}")):
            return 0
        return int(parts[3])
