"""Where things are in a checkout. Everything made or fetched lies in ignored folders."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SAMPLE_STACK = PACKAGE.parent
ROOT = SAMPLE_STACK.parent

TOOLS = ROOT / ".tools"
CACHE = ROOT / ".cache"
BUILD = ROOT / ".build"

COLLECTOR = ROOT / "collector"
ORDERS = SAMPLE_STACK / "orders-go"
DATABASE = SAMPLE_STACK / "db"
BFF = SAMPLE_STACK / "bff"
WEB = SAMPLE_STACK / "web"
SHARED = SAMPLE_STACK / "shared"
KERNELS = ROOT / "analyzer" / "hopwatch" / "attribution" / "columnar"
