"""Command line of mmss_plugins.apis.testing: see --help."""

import sys

import mmss_plugins  # noqa: F401  (first: it makes the MM stack usable)

# isort: split
from mmss_plugins.apis.testing import main

if __name__ == '__main__':
    sys.exit(main())
