"""Convert encoders of SSL4EO-S12's methods to MMSegmentation's ResNet: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import main
from mmss_plugins.checkpoints.convert.ssl4eo_recipes import SSL4EO

DESCRIPTION = (
    'Convert a ResNet of MoCo, DINO or DeCUR, pretrained on SSL4EO-S12, to the backbone ResNet.'
)
EXAMPLES = """  ssl4eo.py B13_rn50_moco_0099.pth moco_s2.pth
  ssl4eo.py checkpoint_0099.pth decur_s1.pth --encoder decur-s1"""

if __name__ == '__main__':
    sys.exit(main('ssl4eo.py', DESCRIPTION, SSL4EO, EXAMPLES))
