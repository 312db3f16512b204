"""Bytes to tables, one module per format."""

from hopwatch.formats.decoded import Contents, Decoded, Rejection, Rejections
from hopwatch.formats.detect import Progress, decode, read_contents, read_files

__all__ = [
    "Contents",
    "Decoded",
    "Progress",
    "Rejection",
    "Rejections",
    "decode",
    "read_contents",
    "read_files",
]
