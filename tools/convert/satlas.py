"""Convert SatlasPretrain's ResNets to MMSegmentation's: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import main
from mmss_plugins.checkpoints.convert.resnet_recipes import SATLAS

DESCRIPTION = 'Convert a ResNet of SatlasPretrain to the backbone ResNet.'
EXAMPLES = """  satlas.py sentinel2_resnet50_si_ms.pth satlas_s2.pth
      ... whose nine bands are those of bands='rgb9' in the data sets"""

if __name__ == '__main__':
    sys.exit(main('satlas.py', DESCRIPTION, SATLAS, EXAMPLES))
