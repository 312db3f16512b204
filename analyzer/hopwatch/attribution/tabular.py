"""Results as tables: Arrow, pandas, and what a notebook shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import pyarrow as pa

from hopwatch.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


class Tabular(ABC):
    """A result with rows."""

    __slots__ = ()

    @abstractmethod
    def to_arrow(self) -> pa.Table:
        """The rows as an Arrow table; times in integer ns."""

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a pandas data frame. Raises UsageError where pandas is not installed."""
        try:
            import pandas  # noqa: F401
        except ModuleNotFoundError as error:
            raise UsageError("to_pandas() needs pandas: pip install pandas") from error
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    @abstractmethod
    def _repr_html_(self) -> str:
        """A compact table for notebooks (see `display`)."""
