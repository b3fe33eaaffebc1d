"""Command line that takes encoders out of other methods' checkpoints."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from .convert_cli import check_paths
from .encoder_conversion import (
    EncoderRecipe,
    convert_encoder,
    detect,
    read_foreign_checkpoint,
    to_published,
)
from .files import CheckpointFileError, write_checkpoint
from .published import ConversionError

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
    try:
        report = _convert(arguments, recipes)
    except (CheckpointFileError, ConversionError, OSError) as error:
        print(f'{program}: error: {error}', file=sys.stderr)
        return 2
    size = arguments.out.stat().st_size / 1e6
    print(f'{report}\nwritten: {arguments.out} ({size:.1f} MB)')
    return 0


def _parser(
    program: str, description: str, recipes: Mapping[str, EncoderRecipe], examples: str
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=f'{_EPILOG}\nexamples:\n{examples}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('checkpoint', type=Path, help='the file to convert')
    parser.add_argument('out', type=Path, help='the file to write')
    if len(recipes) > 1:
        parser.add_argument(
            '--encoder', choices=list(recipes), help='which one, where the file does not tell'
        )
    parser.add_argument(
        '--reverse', action='store_true', help='from a converted encoder to the published names'
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
