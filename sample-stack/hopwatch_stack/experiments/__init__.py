"""Small experiments on claims that are made of languages and protocols; one file each.

docs/claims.md names them, beside the larger ones: the matrix, the soak, the demo's bridge. To add
one, add a module with NAME, HELP and `measure`, and name it here.
"""

from . import messages, pauses, stacks

EXPERIMENTS = {module.NAME: module for module in (messages, stacks, pauses)}
