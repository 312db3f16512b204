"""Bytes to span tables, one module per format."""

from hopwatch.formats.decoded import Decoded, Rejection, Rejections
from hopwatch.formats.detect import read_files

__all__ = ["Decoded", "Rejection", "Rejections", "read_files"]
