"""Convert encoders of SSL4EO-S12's methods to MMSegmentation's ResNet: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import ssl4eo

if __name__ == '__main__':
    sys.exit(ssl4eo())
