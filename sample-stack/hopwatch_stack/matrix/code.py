"""Lines of code, counted alike in every language: lines with a token on them that is neither space
nor comment nor documentation, as Pygments reads them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from pygments.lexer import Lexer
from pygments.lexers import GoLexer, PythonLexer, RustLexer, TypeScriptLexer
from pygments.token import Comment, String, Text, _TokenType

from ..paths import ORDERS_GO, ORDERS_NODE, ORDERS_PYTHON, ORDERS_RUST, SHARED

_LEXERS: dict[str, type[Lexer]] = {
    ".go": GoLexer,
    ".ts": TypeScriptLexer,
    ".cts": TypeScriptLexer,
    ".rs": RustLexer,
    ".py": PythonLexer,
}
_NO_CODE = (Comment, String.Doc, Text)
_GENERATED = {"gen", "codegen", "dist", "node_modules", "__pycache__", "target"}
_TESTS = {"test", "tests", "testing", "shoptest"}
# Where tests of a Rust file begin, at its end.
_RUST_TESTS = "#[cfg(test)]\nmod tests"

SOURCES = {
    "go": [ORDERS_GO / "cmd" / "orders", ORDERS_GO / "internal"],
    # What it shares with the BFF is needed to run it.
    "node": [
        ORDERS_NODE,
        SHARED / "src" / "telemetry",
        *(
            SHARED / "src" / f"{name}.ts"
            for name in ("health", "fine-clock-tracer", "precise-clock")
        ),
    ],
    "rust": [ORDERS_RUST / "src"],
    "python": [ORDERS_PYTHON / "shop_orders"],
}
# Left out, so that what is counted does the same in all: REST, and payments as a service.
_NOT_IN_ALL = [
    ORDERS_GO / "internal" / "rest",
    *(
        ORDERS_GO / "internal" / "payments" / f"{name}.go"
        for name in ("remote", "server", "settle")
    ),
    ORDERS_PYTHON / "shop_orders" / "rest",
]


def lines_of(implementation: str) -> int:
    """Of the files that an implementation is made of, tests and generated code left out."""
    return sum(
        count(path, path.read_text(encoding="utf-8").partition(_RUST_TESTS)[0])
        for path in _files(SOURCES[implementation])
    )


def count(path: Path, text: str) -> int:
    """Lines of code in the text of a file with this name."""
    lexer = _LEXERS[path.suffix]()
    found: set[int] = set()
    line = 0
    for kind, value in lexer.get_tokens(text):
        for number, part in enumerate(value.split("\n")):
            if part.strip() and not _is_no_code(kind):
                found.add(line + number)
        line += value.count("\n")
    return len(found)


def _is_no_code(kind: _TokenType) -> bool:
    # A kind of token contains its subkinds, whatever its stubs say.
    return any(kind in none for none in _NO_CODE)  # type: ignore[comparison-overlap]


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        for path in [source] if source.is_file() else sorted(source.rglob("*")):
            if path.suffix in _LEXERS and not _is_left_out(path):
                yield path


def _is_left_out(path: Path) -> bool:
    return (
        bool((_GENERATED | _TESTS).intersection(path.parts))
        or path.name.endswith(("_test.go", ".test.ts"))
        or any(path.is_relative_to(folder) for folder in _NOT_IN_ALL)
    )
