"""Command line of mmss_plugins.prepare.area.cli: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.prepare.area.cli import main

if __name__ == '__main__':
    sys.exit(main())
