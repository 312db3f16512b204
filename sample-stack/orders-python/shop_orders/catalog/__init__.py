"""The products of the shop and what they cost."""

from .catalog import Catalog, Product
from .servicer import CatalogServicer

__all__ = ["Catalog", "CatalogServicer", "Product"]
