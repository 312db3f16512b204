"""Conditions under which a report fails, for scheduled jobs and CI.

conditions   text -> what is measured of which requests, and the limit
estimates    measured values of a sample, with 95 % intervals
judging      a condition and attributed spans -> a verdict
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
