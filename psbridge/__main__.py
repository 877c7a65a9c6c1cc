"""``python -m psbridge`` is the ``psbridge`` command."""

import sys

from .cli import main

sys.exit(main())
