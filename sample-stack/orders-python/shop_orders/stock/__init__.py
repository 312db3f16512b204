"""How many units of each product are at hand."""

from .servicer import StockServicer
from .stock import Stock

__all__ = ["Stock", "StockServicer"]
