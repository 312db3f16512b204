"""The trace store: a write-ahead log, Parquet segments, and the manifest that names them.

STORE/manifest.json   which files are the store
STORE/segments/       Parquet, one row a span
STORE/log/            batches that are answered for but not in a segment yet
STORE/LOCK            held by the one process that writes
"""

from hopwatch.store.reader import Extent, Reader, default_path, is_store, open_reader

__all__ = ["Extent", "Reader", "default_path", "is_store", "open_reader"]
