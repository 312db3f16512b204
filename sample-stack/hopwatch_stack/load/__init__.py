"""Puts load on a running shop: HTTP requests at a chosen rate, and visits of real pages.

Each kind runs in a process of its own (Locust's gevent and Playwright's loop do not share one)
and reports by lines of JSON: `{"done": n, "failed": n}` as it goes, `{"result": {...}}` last.
"""
