"""Sizes of a run as command-line options, shared by the demo and the studies."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from projects.pipeline.aerial import AerialRun
from projects.pipeline.run import PipelineRun
from projects.pipeline.sentinel import SentinelRun

SENTINEL_SIZES = {
    'locations': 'places to pretrain on',
    'labelled': 'labelled patches',
    'tested': 'test patches',
    'size': 'patch size in pixels',
}
AERIAL_SIZES = {
    'tiles': 'aerial tiles to pretrain on (at most 24)',
    'test_tiles': 'aerial test tiles (at most 14)',
    'tile_size': 'their edge in pixels',
    'patch': 'edge of an aerial patch in pixels',
}


def add_sentinel_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`sentinel_sizes` reads."""
    _add_sizes(parser, SentinelRun, SENTINEL_SIZES)
    parser.add_argument('--epochs', type=int, help="pretraining epochs (default: the config's)")
    parser.add_argument(
        '--finetune-epochs', type=int, help="fine-tuning epochs (default: the config's)"
    )


def sentinel_sizes(args: argparse.Namespace) -> dict[str, Any]:
    """The sizes as arguments of :class:`SentinelRun`."""
    return _chosen(args, (*SENTINEL_SIZES, 'epochs', 'finetune_epochs'))


def add_aerial_options(parser: argparse.ArgumentParser, epochs: int | None = None) -> None:
    """Add the options that :func:`aerial_sizes` reads.

    Args:
        parser: Of the command.
        epochs: Of pretraining by default; None for the config's.
    """
    _add_sizes(parser, AerialRun, AERIAL_SIZES)
    usual = "the config's" if epochs is None else epochs
    parser.add_argument(
        '--aerial-epochs', type=int, default=epochs, help=f'pretraining epochs (default: {usual})'
    )


def aerial_sizes(args: argparse.Namespace) -> dict[str, Any]:
    """The sizes as arguments of :class:`AerialRun`."""
    return {**_chosen(args, AERIAL_SIZES), 'epochs': args.aerial_epochs}


def _add_sizes(
    parser: argparse.ArgumentParser, run: type[PipelineRun], helps: dict[str, str]
) -> None:
    for name, text in helps.items():
        option = f'--{name.replace("_", "-")}'
        parser.add_argument(option, type=int, default=getattr(run, name), help=text)


def _chosen(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(args, name) for name in names}
