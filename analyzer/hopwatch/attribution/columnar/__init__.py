"""Attribution of many spans at once, as columns of integers and kernels over them.

texts      text as numbers, attribute maps by key
contents   what spans say of themselves, read once for every different thing that is said
sampled    how spans were sampled             sampling
rows       span table, part by part -> arrays
copies     rows with one id -> spans
nodes      rows -> forest                     readable form: forest
offsets    calls -> clocks                    clocks
records    what the walk is given, and leaves
extents    intervals                          intervals
blame      the walk over a block of units     units, critical_path, retries
walk       all blocks through it; cells       cells
addition   blamed spans -> cells              ledger
engine     all of it: span table -> ledger

The modules of the same names one level up say the same span by span and are the reference:
results are equal to the byte (tests/property/test_columnar.py).
"""

from hopwatch.attribution.columnar.engine import Engine

__all__ = ["Engine"]
