"""Builds the modules and gives each its service."""

from dataclasses import dataclass

from ..catalog import Catalog, CatalogServicer
from ..database import Database
from ..fraud import Fraud
from ..orders import Orders, OrdersServicer, Store
from ..payments import Payments
from ..stock import Stock, StockServicer


@dataclass(frozen=True)
class Services:
    """What is served, by whichever protocol."""

    catalog: CatalogServicer
    stock: StockServicer
    orders: OrdersServicer

    @classmethod
    def of(cls, database: Database) -> "Services":
        """The services of what is in the database."""
        catalog, stock, store = Catalog(database), Stock(database), Store(database)
        orders = Orders(store, catalog, stock, Fraud(store), Payments(database))
        return cls(CatalogServicer(catalog), StockServicer(stock), OrdersServicer(orders))
