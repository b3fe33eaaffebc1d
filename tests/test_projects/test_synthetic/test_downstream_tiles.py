import re
from collections import Counter

import numpy as np
import pytest
import rasterio

from mmss_plugins.bands import S2
from mmss_plugins.land_cover import OSM_CLASSES
from projects.synthetic.data_set import make_data_set
from projects.synthetic.downstream import CLOUD, LAND_USE, MATERIAL_USE, write_tile
from projects.synthetic.materials import MATERIAL, MATERIAL_NAMES
from projects.synthetic.optical import cover
from projects.synthetic.plan import (
    DOWNSTREAM,
    SyntheticOptions,
    data_set_files,
    downstream_files,
    plan_place,
)

NAME = re.compile(r'(-?[0-9]{1,3}\.[0-9]{4})_([0-9]{1,2}\.[0-9]{4})-2020[0-9]{4}')
ARCHIVES = dict.fromkeys(('dw_train', 'dw_test'), 'ssl4eo_s12_dw')
ARCHIVES |= dict.fromkeys(('osm_train', 'osm_test'), 'ssl4eo_s12_osm')
OPTIONS = SyntheticOptions(
    seed=5, parts=('dw', 'osm'), dw_train=6, dw_test=2, osm_train=2, osm_test=2, downstream_size=48
)


def read(path):
    with rasterio.open(path) as file:
        return file.read(), file.transform, file.crs


@pytest.fixture(scope='module')
def downstream(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    return root, make_data_set(root, OPTIONS, workers=1)


def test_layout_is_the_published_one(downstream):
    root, _ = downstream
    kinds = {'dw': ['image_s1', 'image_s2', 'label_dw']}
    kinds['osm'] = [*kinds['dw'], 'label_osm']
    for split in DOWNSTREAM.values():
        folder = root / 'noldo_downstream' / ARCHIVES[split] / split
        assert sorted(path.name for path in folder.iterdir()) == kinds[split.partition('_')[0]]
        names = [
            {path.stem.partition('_')[2] for path in sub.iterdir()} for sub in folder.iterdir()
        ]
        assert all(found == names[0] for found in names)
        assert len(names[0]) == getattr(OPTIONS, split)
        assert all(NAME.fullmatch(name) for name in names[0])
        for sub in folder.iterdir():
            for path in sub.iterdir():
                array, _, _ = read(path)
                kind = path.name.partition('_')[0]
                side = 46 if split.endswith('train') else 48
                assert array.shape[1:] == (side, side)
                assert array.dtype == {'s1': 'float32', 's2': 'uint16'}.get(kind, 'uint8')
                bands = {'s1': (2,), 's2': (13,), 'osm': (1,)}
                assert array.shape[0] in bands.get(kind, (1, 2))
    files = {path.relative_to(root).as_posix() for path in root.rglob('*.tif')}
    assert files == {path.as_posix() for path in data_set_files(OPTIONS)}


def test_some_labels_have_two_bands_and_the_second_is_the_label(downstream):
    folder = downstream[0] / 'noldo_downstream' / 'ssl4eo_s12_dw' / 'dw_train' / 'label_dw'
    labels = [read(path)[0] for path in folder.iterdir()]
    assert Counter(len(label) for label in labels) == {1: 4, 2: 2}
    for label in labels:
        assert label[-1].max() > 0
        assert len(label) == 1 or not label[0].any()


def test_real_sizes_and_names_tell_the_place():
    from rasterio.warp import transform

    options = SyntheticOptions(parts=('dw',), downstream_size=512)
    names = set()
    for stream in DOWNSTREAM:
        for index in range(30):
            plan = plan_place(options, stream, index)
            stem = downstream_files(plan)['s2'].stem.removeprefix('s2_')
            lon, lat = map(float, NAME.fullmatch(stem).groups())
            (x,), (y,) = transform('EPSG:4326', f'EPSG:{plan.epsg}', [lon], [lat])
            assert np.hypot(x - plan.origin[0], y - plan.origin[1]) < 20  # metres, four decimals
            assert stem[-8:] == plan.season_scenes[0][1][:8]
            names.add(stem)
    assert len(names) == 4 * 30
    assert any(name.startswith('-') for name in names)


def test_values_and_cloud(downstream, tmp_path):
    root, summary = downstream
    options = SyntheticOptions(seed=1, downstream_size=48)
    clouds = []
    for index in range(12):
        write_tile(tmp_path, options, 11, index)
        files = downstream_files(plan_place(options, 11, index))
        label, image = (read(tmp_path / files[kind])[0] for kind in ('dw', 's2'))
        label = label[-1]
        assert label.max() <= 10
        assert 0.01 < (label == 0).mean() < 0.3
        if (label == CLOUD).any() and (label != CLOUD).any():
            blue = image[S2.bands.index('B2')].astype(float)
            clouds.append(blue[label == CLOUD].mean() - blue[label != CLOUD].mean())
            assert blue[label == CLOUD].min() > 2000
    assert 1 <= len(clouds) <= 9
    assert min(clouds) > 500
    for name, top in (('DW', 9), ('OSM', 13)):
        assert len(summary.label_pixels[f'SSL4EO-S12@{name}']) == top
        values = []
        for split in ('train', 'test'):
            split = f'{name.lower()}_{split}'
            folder = f'noldo_downstream/{ARCHIVES[split]}/{split}/label_{name.lower()}'
            values += [read(path)[0][-1].ravel() for path in (root / folder).iterdir()]
        counts = np.bincount(np.concatenate(values), minlength=top + 2)
        assert counts[1 : top + 1].tolist() == list(
            summary.label_pixels[f'SSL4EO-S12@{name}'].values()
        )


def test_land_use_of_all_materials():
    named = [name for names in LAND_USE.values() for name in names]
    assert sorted(named) == sorted(MATERIAL_NAMES)
    assert set(LAND_USE) == set(OSM_CLASSES)
    for name, use in (('water', 6), ('maize', 2), ('conifer wood', 4), ('swamp', 12)):
        assert MATERIAL_USE[MATERIAL[name]] == use


def test_cloud_hides_what_is_below():
    image = np.full((13, 1, 3), 1000, np.float32)
    found = cover(image, np.array([[0, 0.5, 1]], np.float32))
    assert found[1].tolist() == [[1000, 3000, 5000]]
    assert found[10].tolist() == [[1000, 500, 0]]
