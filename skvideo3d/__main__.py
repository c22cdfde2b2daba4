"""``python -m skvideo3d``, the same as the command ``skvideo3d``."""

import sys

from skvideo3d.cli import main

sys.exit(main())
