import csv
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rasterio', reason="the synthetic data set needs the extra 'geo'")

from projects.synthetic.data_set import make_data_set
from projects.synthetic.landscape import MARGIN, Place, make_place
from projects.synthetic.materials import MATERIAL
from projects.synthetic.plan import SyntheticOptions

IMAGES, LABELS = 'noldo/ssl4eo_s12', 'noldo/ssl4eo_s12_nol'


@pytest.fixture(scope='session')
def places():
    return [make_place(np.random.default_rng([11, index]), 72) for index in range(48)]


@pytest.fixture(scope='session')
def synthetic_options():
    return SyntheticOptions(seed=3, locations=10, size=60, dfc_train=3, dfc_test=4, dfc_size=48)


@pytest.fixture(scope='session')
def data_set(tmp_path_factory, synthetic_options):
    root = tmp_path_factory.mktemp('synthetic') / 'data'
    return root, make_data_set(root, synthetic_options, workers=2)


@pytest.fixture(scope='session')
def index_rows(data_set):
    with open(Path(data_set[0], LABELS, 'dw_complete_ids.csv'), newline='') as file:
        return list(csv.reader(file))


@pytest.fixture(scope='session')
def scene_folders(data_set, index_rows):
    """Folders of all scenes: 's1' is the one of the nearest day, as its name says."""

    def day(name, part):
        return datetime.strptime(name.split('_')[part][:8], '%Y%m%d')

    folders = []
    for number, *scenes in index_rows[1:]:
        place = f'{int(number):07d}'
        sar = list((data_set[0] / IMAGES / 's1' / place).iterdir())
        for scene in scenes:
            near = min(sar, key=lambda path: abs(day(path.name, 4) - day(scene, 0)))
            labels = data_set[0] / LABELS
            folders.append(
                {
                    's1': near,
                    's2c': data_set[0] / IMAGES / 's2c' / place / scene,
                    'noisy': labels / 'dw_noisy_labels' / place / scene,
                    'clean': labels / 'dw_clean_labels' / place / scene,
                }
            )
    return folders


@pytest.fixture
def plain_place():
    """A place of one material, optionally on a slope."""

    def make(material, size=64, height=None):
        shape = (size + 2 * MARGIN,) * 2
        return Place(
            region='test',
            size=size,
            material=np.full(shape, MATERIAL[material], np.uint8),
            instance=np.zeros(shape, np.int32),
            row_angle=np.full(shape, np.nan, np.float32),
            height=np.zeros(shape, np.float32) if height is None else height,
            shore=np.zeros(shape, np.float32),
            snow=np.zeros((4, *shape), bool),
        )

    return make
