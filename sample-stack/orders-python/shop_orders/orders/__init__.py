"""Places orders and remembers them. It leaves prices, stock, fraud and payments to the modules of
those names."""

from .place import Orders
from .servicer import OrdersServicer
from .store import Store

__all__ = ["Orders", "OrdersServicer", "Store"]
