"""Every downstream model on synthetic data: data sets, stores and configs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from mmss_plugins.analysis.jobs.steps import StepRunner
from mmss_plugins.analysis.table.plan import SEED, TableError
from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import differences, read_json

ALL_LABELS = ('train_dataloader.dataset.indices=None',)  # not only the configs' part
CONFIGS = (
    'pspnet_r18_mini_dfc2020-s2',
    'deeplabv3plus_r18_mini_dfc2020-s2',
    'fpn_r18_mini_dfc2020-s2',
    'unet_r18_mini_dfc2020-s2',
    'upernet_r18_mini_dfc2020-s2',
    'pspnet_r18_mini_dfc2020-s1',
    'pspnet_r18-dual_mini_dfc2020-s12',
    'upernet_vit-tiny_mini_dfc2020-s2',
    'upernet_dofa-tiny_mini_dfc2020-s2',
    'upernet_satmae-tiny_mini_dfc2020-s2',
    'deeplabv3plus_r18_mini_dw-s2',
    'fpn_r18_mini_osm-s2',
)
PARTS = ('sentinel', 'dw', 'osm')
SIZES = 'world.json'


@dataclass(frozen=True)
class Sizes:
    """Sizes of the data set of a seed.

    Args:
        labelled: Patches of DFC2020 to train on.
        tiles: Tiles of SSL4EO-S12@DW to train on, and of @OSM, which has more classes.
        tested: Patches and tiles to test on, of each data set.
        size: Edge of a patch in pixels of 10 m.
        tile_size: Edge of a test tile; those for training have 2 pixels less.
    """

    labelled: int = 8
    tiles: int = 24
    tested: int = 64
    size: int = 72
    tile_size: int = 128


def data_dir(out: Path, seed: int | str = SEED) -> Path:
    """Folder of a seed's data set; it replaces the configs' ``data``."""
    return out / 'worlds' / f'seed{seed}'


def record_sizes(out: Path, sizes: Sizes) -> None:
    """Record the sizes in the table's folder, or compare them with those recorded there.

    Raises:
        TableError: If the data sets there have other sizes.
    """
    path = out / SIZES
    if path.is_file() and (other := differences(read_json(path), asdict(sizes))):
        raise TableError(
            f'{out} holds a table of other data sets: {other}. Give the same sizes to continue it, '
            'or another --work-dir'
        )
    write_json(path, asdict(sizes))


def prepare_data_set(
    out: Path, seed: int, sizes: Sizes, paths: ProjectPaths, runner: StepRunner
) -> bool:
    """Generate the data set and the stores of a seed, unless they are there.

    Returns:
        Whether they had to be generated.
    """
    folder = data_dir(out, seed)
    done = folder / 'prepared'
    if done.exists():
        return False
    raw, stores = folder / 'raw', folder / 'mini'
    labelled, tiles, tested = str(sizes.labelled), str(sizes.tiles), str(sizes.tested)
    runner.run(
        'generate the synthetic data set',
        [
            paths.project('synthetic'), str(raw), '--parts', *PARTS, '--overwrite',
            '--seed', str(seed), '--locations', '0', '--size', str(sizes.size),
            '--dfc-train', labelled, '--dfc-test', tested,
            '--dw-train', tiles, '--dw-test', tested, '--osm-train', tiles, '--osm-test', tested,
            '--downstream-size', str(sizes.tile_size),
        ],
    )  # fmt: skip
    for name in ('dfc2020', 'noldo_downstream'):
        tool = paths.tool(f'prepare/{name}.py')
        runner.run(
            f'prepare the stores of {name}',
            [tool, str(raw / name), str(stores / name), '--overwrite'],
        )
    done.touch()
    return True
