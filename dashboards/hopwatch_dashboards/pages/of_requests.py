"""What the pages about requests have in common: filters, live view, and what to say of none."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from hopwatch_dashboards import controls, states
from hopwatch_dashboards.controls import Chosen
from hopwatch_dashboards.snapshot import Requests
from hopwatch_dashboards.source import Source


def show(title: str, source: Source, body: Callable[[Requests], None]) -> None:
    """Shows the filters and, of the requests that they leave, `body`; anew while it is live."""

    def shown(source: Source, chosen: Chosen) -> None:
        requests = Requests(controls.take(source, chosen), chosen.filters, source)
        if requests.ledger.request_count:
            body(requests)
            return
        extent = source.extent()
        states.no_requests(source, extent.min_start_ns or 0, extent.max_start_ns or 0)

    st.title(title)
    chosen = controls.show(source)
    every = controls.LIVE_SECONDS if chosen.live else None
    st.fragment(states.telling(shown), run_every=every)(source, chosen)
