"""The trace store: a write-ahead log, Parquet segments, and the manifest that names them.

STORE/manifest.json   which files are the store
STORE/segments/       Parquet, one row a span, log record or data point
STORE/left-out.json   what was not stored, counted
STORE/log/            batches that are answered for but not in a segment yet
STORE/LOCK            held by the one process that writes
"""

from hopwatch.store import lookup
from hopwatch.store.inventory import Inventory, LeftOut, Service, Stored
from hopwatch.store.log import LogFailedError, UnavailableError
from hopwatch.store.lookup import inventory_of
from hopwatch.store.reader import Extent, Reader, default_path, is_store, open_reader
from hopwatch.store.recovery import Recovery
from hopwatch.store.scan import Scan, scan_files
from hopwatch.store.upkeep import Retention, parse_retention
from hopwatch.store.writer import Store

__all__ = [
    "Extent",
    "Inventory",
    "LeftOut",
    "LogFailedError",
    "Reader",
    "Recovery",
    "Retention",
    "Scan",
    "Service",
    "Store",
    "Stored",
    "UnavailableError",
    "default_path",
    "inventory_of",
    "is_store",
    "lookup",
    "open_reader",
    "parse_retention",
    "scan_files",
]
