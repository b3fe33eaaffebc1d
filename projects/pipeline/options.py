"""Sizes of a run on the mini world, as options of the tools that make such runs."""

from __future__ import annotations

import argparse

from projects.pipeline.aerial import AerialRoad
from projects.pipeline.sentinel import Road

AERIAL_SIZES = {
    'tiles': 'aerial tiles to pretrain on (at most 24)',
    'test_tiles': 'aerial test tiles (at most 14)',
    'tile_size': 'their edge in pixels',
    'patch': 'edge of an aerial patch in pixels',
}


def add_size_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`sizes` reads."""
    for name, text in {
        'locations': 'places to pretrain on',
        'labelled': 'labelled patches',
        'tested': 'test patches',
        'size': 'patch size in pixels',
    }.items():
        parser.add_argument(f'--{name}', type=int, default=getattr(Road, name), help=text)
    parser.add_argument('--epochs', type=int, help="pretraining epochs (default: the config's)")
    parser.add_argument(
        '--finetune-epochs', type=int, help="fine-tuning epochs (default: the config's)"
    )


def sizes(args: argparse.Namespace) -> dict[str, int | None]:
    """The sizes as arguments of :class:`Road`."""
    names = ('locations', 'labelled', 'tested', 'size', 'epochs', 'finetune_epochs')
    return {name: getattr(args, name) for name in names}


def add_aerial_options(parser: argparse.ArgumentParser, epochs: int | None = None) -> None:
    """Add the options that :func:`aerial_sizes` reads.

    Args:
        parser: Of the command.
        epochs: Of pretraining by default; None for the config's.
    """
    for name, text in AERIAL_SIZES.items():
        option = f'--{name.replace("_", "-")}'
        parser.add_argument(option, type=int, default=getattr(AerialRoad, name), help=text)
    usual = "the config's" if epochs is None else epochs
    parser.add_argument(
        '--aerial-epochs', type=int, default=epochs, help=f'pretraining epochs (default: {usual})'
    )


def aerial_sizes(args: argparse.Namespace) -> dict[str, int | None]:
    """The sizes as arguments of :class:`AerialRoad`."""
    return {**{name: getattr(args, name) for name in AERIAL_SIZES}, 'epochs': args.aerial_epochs}
