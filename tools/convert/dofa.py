"""Convert DOFA's published weights to our backbone: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import dofa

if __name__ == '__main__':
    sys.exit(dofa())
