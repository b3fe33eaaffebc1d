"""Command line that converts VISSL checkpoints of GraSS."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mmss_plugins.checkpoints.convert.cli import add_writing, check_paths, make_parser, run
from mmss_plugins.checkpoints.convert.cromss import Conversion, mm_checkpoint
from mmss_plugins.checkpoints.convert.encoder import read_foreign_checkpoint
from mmss_plugins.checkpoints.convert.grass import from_vissl
from mmss_plugins.checkpoints.files import write_checkpoint

EPILOG = """The network is found from the tensors: depth, bands, projector. A tensor that is
unknown, missing or of another shape is an error. Files are read with torch's restricted unpickler
only. The published projector is linear: to continue with it, set relu=False in the neck.

A file that holds objects of VISSL's beside its weights is refused. If you trust it, save what is
needed where VISSL is installed:
  model = torch.load('in.torch')['classy_state_dict']['base_model']['model']
  torch.save({'classy_state_dict': {'base_model': {'model': model}}}, 'weights.torch')

exit status: 0 converted, 2 not converted

examples:
  %(prog)s model_final_checkpoint.torch grass_r50.pth
      ... and in a config: init_cfg=dict(type='Pretrained', checkpoint='grass_r50.pth',
      prefix='backbone.') in the backbone, prefix='neck.' in the neck
  %(prog)s model_final_checkpoint.torch resnet50.pth --backbone
      ... without prefix
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    return run(arguments, lambda: _convert(arguments).report())


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "Convert a VISSL checkpoint of GraSS, or of VISSL's SimCLR, to ours or to a bare backbone.",
        EPILOG,
    )
    parser.add_argument(
        '--backbone',
        action='store_true',
        help="write the encoder alone, with the names of MM's ResNet",
    )
    add_writing(parser)
    return parser


def _convert(arguments: argparse.Namespace) -> Conversion:
    path, out = arguments.checkpoint, arguments.out
    check_paths(path, out, arguments.overwrite)
    content = read_foreign_checkpoint(path)
    conversion = from_vissl(content, str(path), arguments.backbone, arguments.drop)
    write_checkpoint(mm_checkpoint(conversion, path.name), out, arguments.overwrite)
    return conversion
