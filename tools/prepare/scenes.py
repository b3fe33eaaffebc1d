"""Command line of mmss_plugins.prepare.scenes: see --help."""

import sys

from mmss_plugins.prepare.scenes import main

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

if __name__ == '__main__':
    sys.exit(main())
