"""Command line that takes encoders out of other methods' checkpoints."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmss_plugins.checkpoints.convert.cli import add_writing, check_paths, make_parser, run
from mmss_plugins.checkpoints.convert.encoder import (
    convert_encoder,
    detect,
    read_foreign_checkpoint,
    to_published,
)
from mmss_plugins.checkpoints.convert.encoder_recipe import EncoderRecipe
from mmss_plugins.checkpoints.convert.published import ConversionError
from mmss_plugins.checkpoints.convert.resnet_recipes import SATLAS
from mmss_plugins.checkpoints.convert.ssl4eo_recipes import SSL4EO
from mmss_plugins.checkpoints.convert.vit_recipes import DOFA, SATMAE
from mmss_plugins.checkpoints.files import write_checkpoint

_EPILOG = """A tensor that is unknown, missing or of another shape is an error. Files are read with
torch's restricted unpickler only.

exit status: 0 converted, 2 not converted
"""


@dataclass(frozen=True)
class EncoderCommand:
    """A command that converts the encoders of one source.

    Args:
        description: What it converts.
        recipes: By name, what a file may hold.
        examples: For the help.
    """

    description: str
    recipes: Mapping[str, EncoderRecipe]
    examples: str

    def __call__(self, argv: Sequence[str] | None = None) -> int:
        """Command line; returns the exit status."""
        arguments = _parser(self).parse_args(argv)
        return run(arguments, lambda: _convert(arguments, self.recipes))


ssl4eo = EncoderCommand(
    'Convert a ResNet of MoCo, DINO or DeCUR, pretrained on SSL4EO-S12, to the backbone ResNet.',
    SSL4EO,
    """  %(prog)s B13_rn50_moco_0099.pth moco_s2.pth
  %(prog)s checkpoint_0099.pth decur_s1.pth --encoder decur-s1""",
)
satmae = EncoderCommand(
    'Convert the published weights of SatMAE (fMoW-Sentinel) to the backbone SatMAEViT.',
    SATMAE,
    '  %(prog)s pretrain-vit-large-e199.pth satmae_large.pth',
)
dofa = EncoderCommand(
    'Convert the published weights of DOFA to the backbone DOFAViT.',
    DOFA,
    '  %(prog)s DOFA_ViT_base_e100.pth dofa_base.pth',
)
satlas = EncoderCommand(
    'Convert a ResNet of SatlasPretrain to the backbone ResNet.',
    SATLAS,
    """  %(prog)s sentinel2_resnet50_si_ms.pth satlas_s2.pth
      ... whose nine bands are those of bands='rgb9' in the data sets""",
)


def _parser(command: EncoderCommand) -> argparse.ArgumentParser:
    recipes = command.recipes
    parser = make_parser(command.description, f'{_EPILOG}\nexamples:\n{command.examples}')
    if len(recipes) > 1:
        parser.add_argument(
            '--encoder', choices=list(recipes), help='which one, where the file holds several'
        )
    parser.add_argument(
        '--reverse', action='store_true', help='from a converted encoder to the published names'
    )
    add_writing(parser)
    return parser


def _convert(arguments: argparse.Namespace, recipes: Mapping[str, EncoderRecipe]) -> str:
    path, out = arguments.checkpoint, arguments.out
    check_paths(path, out, arguments.overwrite)
    content = read_foreign_checkpoint(path)
    name = getattr(arguments, 'encoder', None) or (next(iter(recipes)) if len(recipes) == 1 else '')
    if arguments.reverse:
        if not name:
            raise ConversionError(f'--reverse needs --encoder, one of {list(recipes)}')
        if arguments.drop:
            raise ConversionError('--reverse needs the whole encoder: remove --drop')
        published = to_published(content, str(path), recipes[name])
        write_checkpoint(published, out, arguments.overwrite)
        return f'{recipes[name].method}: the encoder by its published names'
    recipe = recipes[name or detect(content, str(path), recipes)]
    conversion = convert_encoder(content, str(path), recipe, arguments.drop)
    write_checkpoint(conversion.checkpoint(path.name), out, arguments.overwrite)
    return str(conversion)
