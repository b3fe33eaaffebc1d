"""Convert VISSL checkpoints of GraSS to ours: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.grass_cli import main

if __name__ == '__main__':
    sys.exit(main())
