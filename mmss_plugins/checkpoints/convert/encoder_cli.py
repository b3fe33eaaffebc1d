"""Command line that takes encoders out of other methods' checkpoints."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from mmss_plugins.checkpoints.convert.cli import add_writing, check_paths, make_parser, run
from mmss_plugins.checkpoints.convert.encoder import (
    EncoderRecipe,
    convert_encoder,
    detect,
    read_foreign_checkpoint,
    to_published,
)
from mmss_plugins.checkpoints.convert.published import ConversionError
from mmss_plugins.checkpoints.files import write_checkpoint

_EPILOG = """A tensor that is unknown, missing or of another shape is an error. Files are read with
torch's restricted unpickler only.

exit status: 0 converted, 2 not converted
"""


def main(
    program: str,
    description: str,
    recipes: Mapping[str, EncoderRecipe],
    examples: str,
    argv: Sequence[str] | None = None,
) -> int:
    """Command line; returns the exit status.

    Args:
        program: Name of the script.
        description: What it converts.
        recipes: By name, what a file may hold.
        examples: For the help.
        argv: Arguments, those of the process by default.
    """
    arguments = _parser(program, description, recipes, examples).parse_args(argv)
    return run(program, arguments, lambda: _convert(arguments, recipes))


def _parser(
    program: str, description: str, recipes: Mapping[str, EncoderRecipe], examples: str
) -> argparse.ArgumentParser:
    parser = make_parser(description, f'{_EPILOG}\nexamples:\n{examples}', program)
    if len(recipes) > 1:
        parser.add_argument(
            '--encoder', choices=list(recipes), help='which one, where the file does not tell'
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
            raise ConversionError('--reverse needs the whole encoder: leave --drop out')
        published = to_published(content, str(path), recipes[name])
        write_checkpoint(published, out, arguments.overwrite)
        return f'{recipes[name].method}: the encoder by its published names'
    recipe = recipes[name or detect(content, str(path), recipes)]
    conversion = convert_encoder(content, str(path), recipe, arguments.drop)
    write_checkpoint(conversion.checkpoint(path.name), out, arguments.overwrite)
    return str(conversion)
