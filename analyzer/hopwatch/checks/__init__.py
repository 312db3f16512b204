"""Conditions under which a report or a comparison fails, for scheduled jobs and CI.

conditions        text -> what is measured of which requests, and the limit
estimates         measured values of a sample, with 95 % intervals
judging           a condition and attributed spans -> a verdict
toml_tables       TOML whose errors name line and key
mapping           a file -> which names of a comparison mean the same
comparison_file   a file -> checks of a comparison
comparing         such checks and two ledgers -> verdicts
"""

from hopwatch.checks.conditions import Comparison, Condition, parse
from hopwatch.checks.judging import Checked, Measured, judge

__all__ = [
    "Checked",
    "Comparison",
    "Condition",
    "Measured",
    "judge",
    "parse",
]
