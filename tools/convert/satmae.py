"""Convert SatMAE's published weights to our backbone: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import main
from mmss_plugins.checkpoints.convert.vit_recipes import SATMAE

DESCRIPTION = 'Convert the published weights of SatMAE (fMoW-Sentinel) to the backbone SatMAEViT.'
EXAMPLES = """  satmae.py pretrain-vit-large-e199.pth satmae_large.pth"""

if __name__ == '__main__':
    sys.exit(main('satmae.py', DESCRIPTION, SATMAE, EXAMPLES))
