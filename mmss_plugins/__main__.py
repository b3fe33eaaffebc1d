"""``python -m mmss_plugins`` is the command ``mmss``."""

import sys

from mmss_cli import main

if __name__ == '__main__':
    sys.exit(main())
