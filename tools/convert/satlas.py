"""Convert SatlasPretrain's ResNets to MMSegmentation's: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import satlas

if __name__ == '__main__':
    sys.exit(satlas())
