"""Command line of mmss_plugins.download.noldo: see --help."""

import sys

from mmss_plugins.download.noldo import main

if __name__ == '__main__':
    sys.exit(main())
