"""Where things are in a checkout. Everything made or fetched lies in ignored folders."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
SAMPLE_STACK = PACKAGE.parent
ROOT = SAMPLE_STACK.parent

TOOLS = ROOT / ".tools"
CACHE = ROOT / ".cache"
BUILD = ROOT / ".build"
BINARIES = BUILD / "bin"

COLLECTOR = ROOT / "collector"
ORDERS_GO = SAMPLE_STACK / "orders-go"
ORDERS_NODE = SAMPLE_STACK / "orders-node"
ORDERS_RUST = SAMPLE_STACK / "orders-rust"
ORDERS_PYTHON = SAMPLE_STACK / "orders-python"
DATABASE = SAMPLE_STACK / "db"
BFF = SAMPLE_STACK / "bff"
WEB = SAMPLE_STACK / "web"
SHARED = SAMPLE_STACK / "shared"
KERNELS = ROOT / "analyzer" / "hopwatch" / "attribution" / "columnar"
