"""A tiny raw tree for each preparation tool, its first sample unreadable, and how to prepare it."""

from dataclasses import dataclass

import numpy as np

from helpers.aerial_raw_trees import loveda_path, potsdam_path, write_loveda, write_potsdam
from helpers.small_raw_trees import dfc_path, scene_names, write_dfc, write_noldo, write_tiff
from mmss_plugins.prepare import dfc2020, loveda, noldo_downstream, noldo_pretrain, potsdam


@dataclass(frozen=True)
class Case:
    """How a store of a tree is made.

    Args:
        module: Of the tool.
        options: Of its command line.
        split: Name of the store where the tool takes a folder; None where it takes the store.
        left_out: Number of samples that cannot be read.
    """

    module: object
    options: tuple[str, ...] = ()
    split: str | None = None
    left_out: int = 1

    def run(self, raw, folder, *options):
        """Prepare a tree; returns the exit status. Later options replace earlier ones."""
        out = folder if self.split else folder / 'data.lmdb'
        return self.module.main(
            [str(raw), str(out), '--workers', '1', '--commit-every', '2', *self.options, *options]
        )

    def store(self, folder, shard=''):
        """Where the store, or its shard such as '1-of-2', lies."""
        mark = f'.shard-{shard}' if shard else ''
        return folder / f'{self.split or "data"}{mark}.lmdb'


CASES = {
    'dfc2020': Case(dfc2020, ('--splits', 'test'), 'test', left_out=2),
    'noldo_pretrain': Case(noldo_pretrain, ('--quantise', 'clip8')),
    'noldo_downstream': Case(noldo_downstream, ('--patch-size', '8'), 'osm_test'),
    'potsdam': Case(potsdam, ('--splits', 'train', '--size', '16'), 'train', left_out=6),
    'loveda': Case(loveda, ('--splits', 'Train'), 'train'),
}


def cut(path):
    """Leave half of a file."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def write_tree(name, root):
    """Write the raw tree of a tool: at least seven samples that can be read."""
    if name == 'dfc2020':
        write_dfc(root, 'test', range(9))
        cut(dfc_path(root, 'test', 's2', 0))
        dfc_path(root, 'test', 's1', 5).unlink()
    elif name == 'noldo_pretrain':
        write_noldo(root, [31, *range(7)], size=12)
        cut(root / 's2c/0000031' / scene_names(31)[2] / 'B3.tif')
    elif name == 'noldo_downstream':
        write_downstream(root / 'osm_test', range(5))
    elif name == 'potsdam':
        write_potsdam(root, ['2_10', '2_11', '3_10'], 32, 48)
        path = potsdam_path(root, 'label', '2_10')
        path.write_bytes(path.read_bytes()[:1000])
    else:
        write_loveda(root, {('Train', scene): range(4) for scene in ('Urban', 'Rural')}, 16)
        cut(loveda_path(root, 'Train', 'Urban', 0))


def write_downstream(folder, numbers, size=15):
    """Write tiles of one split; the first label has a value of no class."""
    rng = np.random.default_rng(5)
    for number in numbers:
        name = f'10.{number}_50.2-20210601'
        label = rng.integers(1, 14, (size, size)).astype(np.uint8)
        if number == 0:
            label[0, 0] = 200
        images = {
            'image_s1/s1': rng.normal(-15, 5, (2, size, size)).astype(np.float32),
            'image_s2/s2': rng.integers(0, 5000, (13, size, size)).astype(np.uint16),
            'label_osm/osm': label,
        }
        for prefix, array in images.items():
            write_tiff(folder / f'{prefix}_{name}.tif', array)
