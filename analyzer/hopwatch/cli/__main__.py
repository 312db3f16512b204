"""`python -m hopwatch.cli` is `hopwatch`."""

import sys

from hopwatch.cli import main

sys.exit(main())
