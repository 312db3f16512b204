"""`python -m hopwatch_dashboards HOST PORT`: serves the dashboard. `hopwatch dashboard` runs
this, and says in the environment what to show (see `source.py`)."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli


def main() -> None:
    host, port = sys.argv[1:]
    app = Path(__file__).with_name("app.py")
    # Streamlit would take our folder `pages` for its own kind of pages until the first session
    # has run app.py, and a shared link such as /traces?trace=ID would then show nothing.
    PagesManager.uses_pages_directory = False
    # A page makes many small objects, and few of them in circles: a third of the time that a
    # large trace takes went into looking for those.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    sys.argv = [
        "streamlit", "run", str(app), "--server.address", host, "--server.port", port,
    ]  # fmt: skip
    cli.main()


if __name__ == "__main__":
    main()
