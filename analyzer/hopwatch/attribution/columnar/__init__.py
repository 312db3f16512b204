"""Attribution of many spans at once, as columns of integers and kernels over them.

texts      text as numbers, attribute maps by key
contents   what spans say of themselves, read once for every different thing that is said
rows       span table -> arrays
nodes      rows -> forest                     readable form: forest
offsets    calls -> clocks                    clocks
blame      the walk over all units            units, critical_path, retries
addition   blamed spans -> cells              ledger
engine     all of it: span table -> ledger

The modules of the same names one level up say the same span by span and are the reference:
results are equal to the byte (tests/property/test_columnar.py).
"""

from hopwatch.attribution.columnar.engine import Engine

__all__ = ["Engine"]
