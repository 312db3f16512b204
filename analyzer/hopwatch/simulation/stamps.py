"""How the SDKs of the languages stamp spans.

ns           as true as the host's clock
us, 256ns    both ends cut to multiples (256 ns: stamps that went through a double)
ms           both ends cut to whole ms (Java 8)
javascript   the start is cut to whole ms and the end follows by a monotonic clock: the whole
             span is shifted by up to 1 ms
"""

from __future__ import annotations

from typing import Final

STAMPS: Final = {"ns": 1, "us": 1_000, "256ns": 256, "ms": 1_000_000, "javascript": 1_000_000}
"""Name -> ns of which the start is a multiple."""
