"""Command line of mmss_plugins.prepare.scenes: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.prepare.scenes import main

if __name__ == '__main__':
    sys.exit(main())
