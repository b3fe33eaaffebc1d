"""Options that every tool with a Runner has."""

from __future__ import annotations

import argparse

from mmengine.config import DictAction

LAUNCHERS = ('none', 'pytorch', 'slurm', 'mpi')


class KeyValueAction(DictAction):
    """MMEngine's, but what is no KEY=VALUE is an error of the command line."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Parse KEY=VALUE pairs."""
        wrong = [value for value in values if not value.partition('=')[0] or '=' not in value]
        if wrong:
            raise argparse.ArgumentError(self, f'expected KEY=VALUE, but got {wrong[0]!r}')
        # MMEngine takes the blanks out of every value: that of a path is a name with them
        texts = [value for value in values if ' ' in value and not set('[](),') & set(value)]
        others = [value for value in values if value not in texts]
        super().__call__(parser, namespace, others, option_string)
        getattr(namespace, self.dest).update(text.split('=', 1) for text in texts)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every tool with a Runner has."""
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValueAction,
        metavar='KEY=VALUE',
        help='override settings of the config, for example train_cfg.max_epochs=1; a list is '
        'written key="[a,b]" without blanks',
    )
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='job launcher')
    # torch.distributed.launch passes its rank by either spelling, depending on its version
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)
