"""Convert DOFA's published weights to our backbone: see --help."""

import sys

import mmss_plugins  # noqa: F401  (makes the installed stack usable)
from mmss_plugins.checkpoints.convert.encoder_cli import main
from mmss_plugins.checkpoints.convert.vit_recipes import DOFA

DESCRIPTION = 'Convert the published weights of DOFA to the backbone DOFAViT.'
EXAMPLES = """  dofa.py DOFA_ViT_base_e100.pth dofa_base.pth"""

if __name__ == '__main__':
    sys.exit(main('dofa.py', DESCRIPTION, DOFA, EXAMPLES))
