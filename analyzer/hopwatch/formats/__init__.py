"""Bytes to tables, one module per format."""

from hopwatch.formats.decoded import Contents, Decoded, Rejection, Rejections
from hopwatch.formats.detect import read_contents, read_files

__all__ = ["Contents", "Decoded", "Rejection", "Rejections", "read_contents", "read_files"]
