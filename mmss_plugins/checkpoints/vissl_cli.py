"""Command line that converts VISSL checkpoints of GraSS."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .convert import Conversion, our_checkpoint
from .convert_cli import check_paths
from .files import CheckpointFileError, read_checkpoint, write_checkpoint
from .published import ConversionError
from .vissl import from_vissl

EPILOG = """The network is found from the tensors: depth, bands, projector. A tensor that is
unknown, missing or of another shape is an error. Files are read with torch's restricted unpickler
only. The published projector is linear: to go on with it, set relu=False in the neck.

A file that holds objects of VISSL's beside its weights is refused. If you trust it, save what is
needed where VISSL is installed:
  model = torch.load('in.torch')['classy_state_dict']['base_model']['model']
  torch.save({'classy_state_dict': {'base_model': {'model': model}}}, 'weights.torch')

exit status: 0 converted, 2 not converted

examples:
  grass.py model_final_checkpoint.torch grass_r50.pth
      ... and in a config: init_cfg=dict(type='Pretrained', checkpoint='grass_r50.pth',
      prefix='backbone.') in the backbone, prefix='neck.' in the neck
  grass.py model_final_checkpoint.torch resnet50.pth --backbone
      ... without prefix
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        conversion = _convert(arguments)
    except (CheckpointFileError, ConversionError, OSError) as error:
        print(f'grass.py: error: {error}', file=sys.stderr)
        return 2
    size = arguments.out.stat().st_size / 1e6
    print(f'{conversion.report()}\nwritten: {arguments.out} ({size:.1f} MB)')
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Convert a VISSL checkpoint of GraSS, or of VISSL's SimCLR, to ours or to a "
        'bare backbone.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', type=Path, help='the file to convert')
    parser.add_argument('out', type=Path, help='the file to write')
    parser.add_argument(
        '--backbone',
        action='store_true',
        help="write the encoder alone, with the names of MM's ResNet",
    )
    parser.add_argument(
        '--drop',
        action='append',
        default=[],
        metavar='PREFIX',
        help='leave out the tensors whose names begin so; may be given more than once',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace OUT if it is there')
    return parser


def _convert(arguments: argparse.Namespace) -> Conversion:
    path, out = arguments.checkpoint, arguments.out
    check_paths(path, out, arguments.overwrite)
    content = read_checkpoint(path, mmap=True)
    conversion = from_vissl(content, str(path), arguments.backbone, arguments.drop)
    write_checkpoint(our_checkpoint(conversion, path.name), out, arguments.overwrite)
    return conversion
