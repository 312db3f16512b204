"""Faults that a request asks for by W3C baggage, so that trainings and tests know the truth about a
trace. Each lab is a file:

    hopwatch.lab.delay=<service>[/<method>]:<n>ms         the handler sleeps first
    hopwatch.lab.slow-sql=<service>[/<method>]:<n>ms      the first SELECT is slow inside Postgres
    hopwatch.lab.n-plus-one=<service>[/<method>]:<k>      one query per item instead of one for all

What was done is recorded on the SERVER span; a malformed request is recorded and has no other
effect.
"""

from .n_plus_one import again, batches
from .obedience import obeyed
from .slow_sql import slow_down

__all__ = ["again", "batches", "obeyed", "slow_down"]
