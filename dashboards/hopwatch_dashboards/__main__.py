"""`python -m hopwatch_dashboards HOST PORT`: serves the dashboard. `hopwatch dashboard` runs
this, and says in the environment what to show (see `source.py`)."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
from pathlib import Path

from streamlit.runtime.pages_manager import PagesManager
from streamlit.web import cli


def main() -> None:
    """Serves until it is interrupted."""
    host, port = sys.argv[1:]
    app = Path(__file__).with_name("app.py")
    # Streamlit would take our folder `pages` for its own kind of pages until the first session
    # has run app.py, and a shared link such as /traces?trace=ID would then show nothing.
    PagesManager.uses_pages_directory = False
    # A page makes many small objects, and few of them in circles: a third of the time that a
    # large trace takes went into looking for those.
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    threading.Thread(target=_prepare, daemon=True).start()
    sys.argv = [
        "streamlit", "run", str(app), "--server.address", host, "--server.port", port,
        # Streamlit takes itself for its own checkout wherever it lies in no `site-packages`.
        "--global.developmentMode", "false",
    ]  # fmt: skip
    try:
        cli.main()
    except SystemExit as end:
        # Threads of sessions may be inside native code still; an interpreter that takes itself
        # apart around them aborts.
        os._exit(end.code if isinstance(end.code, int) else int(end.code is not None))


def _prepare() -> None:
    """Adds up what the first visitor will ask for, before anybody does."""
    from hopwatch_dashboards import controls, snapshot, states
    from hopwatch_dashboards.source import from_environment

    # It runs outside of any session, and Streamlit would remark on that.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").disabled = True
    # What is wrong with the data, the page says to whoever opens it.
    with contextlib.suppress(*states.UNREADABLE):
        source = from_environment()
        snapshot.ledger(controls.first(source), source)


if __name__ == "__main__":
    main()
