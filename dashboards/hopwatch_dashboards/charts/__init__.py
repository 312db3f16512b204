"""Altair charts of finished data."""

from __future__ import annotations

from typing import Any, TypeAlias

Chart: TypeAlias = Any
"""An Altair chart; its methods are not typed closely enough to name the kinds."""
