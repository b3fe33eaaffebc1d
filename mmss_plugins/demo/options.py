"""Sizes of a run on the mini world, as options of the tools that make such runs."""

from __future__ import annotations

import argparse

from .road import Road


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
