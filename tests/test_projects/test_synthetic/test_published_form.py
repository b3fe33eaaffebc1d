"""The synthetic location and a published one have the same form."""

import json
import re

import numpy as np
import pytest
import rasterio
from helpers.paths import ROOT

from projects.synthetic.data_set import make_data_set
from projects.synthetic.plan import SyntheticOptions

PUBLISHED = ROOT.parent / 'shared/data/real/ssl4eo_s12'
PLACE = '0000200'
S2_NAME = r'\d{8}T\d{6}_\d{8}T\d{6}_T\d{2}[C-X][A-Z]{2}'
S1_NAME = r'S1[AB]_IW_GRDH_1SDV_\d{8}T\d{6}_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4}'

pytestmark = pytest.mark.skipif(
    not PUBLISHED.is_dir(), reason=f'the published location is not in {PUBLISHED}'
)


@pytest.fixture(scope='module')
def synthetic(tmp_path_factory):
    root = tmp_path_factory.mktemp('form')
    options = SyntheticOptions(seed=1, locations=1, size=264, dfc_train=0, dfc_test=0)
    make_data_set(root, options, workers=1)
    return root / 'noldo/ssl4eo_s12'


def scenes(root, sensor):
    (place,) = (root / sensor).iterdir()
    assert re.fullmatch(r'\d{7}', place.name)
    return sorted(place.iterdir())


def form(path):
    """What a reader sees of a file, but for its pixels and its place."""
    with rasterio.open(path) as file:
        keys = ('driver', 'dtype', 'count', 'width', 'height', 'nodata', 'crs', 'tiled')
        profile = {key: file.profile[key] for key in keys}
        return profile | {
            'compress': file.profile.get('compress'),
            'descriptions': file.descriptions,
            'tags': file.tags(),
            'strip': file.block_shapes,
        }


@pytest.mark.parametrize(('sensor', 'pattern'), [('s1', S1_NAME), ('s2c', S2_NAME)])
def test_folders_and_files_are_of_the_same_names_and_form(synthetic, sensor, pattern):
    forms = []
    for root in (synthetic, PUBLISHED):
        found = scenes(root, sensor)
        assert all(re.fullmatch(pattern, scene.name) for scene in found)
        forms.append([{path.name for path in scene.iterdir()} for scene in found])
        assert all(names == forms[0][0] for names in forms[-1])
    made, published = (scenes(root, sensor)[0] for root in (synthetic, PUBLISHED))
    for path in sorted(published.glob('*.tif')):
        assert form(made / path.name) == form(path)


@pytest.mark.parametrize('sensor', ['s1', 's2c'])
def test_metadata_are_a_part_of_the_published_ones(synthetic, sensor):
    made, published = (
        [json.loads((scene / 'metadata.json').read_text()) for scene in scenes(root, sensor)]
        for root in (synthetic, PUBLISHED)
    )
    for entries, scene in zip(made, scenes(synthetic, sensor), strict=True):
        assert set(entries) <= set(published[0])
        assert len(entries) >= 12
        assert {key: type(value) for key, value in entries.items()} == {
            key: type(published[0][key]) for key in entries
        }
        assert entries['system:index'] == scene.name
        assert published[0]['system:index'] == scenes(PUBLISHED, sensor)[0].name
        assert (
            entries['system:id'].rpartition('/')[0] == published[0]['system:id'].rpartition('/')[0]
        )
        seconds = entries['system:time_start'] / 1000
        assert seconds == pytest.approx(entries['system:time_end'] / 1000)


def grid(root, sensor, band, scene=0):
    with rasterio.open(scenes(root, sensor)[scene] / f'{band}.tif') as file:
        return file.transform, file.bounds


def test_grids_differ_between_bands_and_sensors_as_published(synthetic):
    for sensor, band in (('s1', 'VV'), ('s2c', 'B1'), ('s2c', 'B5'), ('s2c', 'B8')):
        shifts = []
        for root in (synthetic, PUBLISHED):
            base = grid(root, 's2c', 'B2')[0]
            other, bounds = grid(root, sensor, band)
            assert bounds == grid(root, sensor, band, 1)[1], 'one grid for all seasons'
            corners = [(other.c - base.c) / base.a, (other.f - base.f) / base.e]
            shifts.append([*corners, other.a / base.a, other.e / base.e])
        np.testing.assert_allclose(shifts[0], shifts[1], atol=0.02)


def test_pixels_are_as_wide_on_the_ground_as_published(synthetic):
    sizes = []
    for root in (synthetic, PUBLISHED):
        base, bounds = grid(root, 's2c', 'B2')
        metres = 111_320 * np.cos(np.deg2rad(bounds.top)), 111_320
        sizes.append([base.a * metres[0], -base.e * metres[1]])
    np.testing.assert_allclose(sizes[0], sizes[1], rtol=0.01)


def agreement(coarse, fine, shift):
    """Correlation of a 60 m band with the means of a 10 m band below its pixels.

    The pixels begin ``shift`` pixels of 10 m, a multiple of one half, south and east of the corner.
    """
    halves = np.kron(fine, np.ones((2, 2)))
    begin = 24 + round(2 * shift)  # two coarse pixels from the border
    inner = halves[begin : begin + 480, begin : begin + 480]
    means = inner.reshape(40, 12, 40, 12).mean((1, 3))
    return np.corrcoef(coarse[2:42, 2:42].ravel(), means.ravel())[0, 1]


def test_arrays_overlay_better_than_the_declared_grids(synthetic):
    """Why what the data set shows does not follow the grids that it declares."""
    for root in (synthetic, PUBLISHED):
        base, coarser = (grid(root, 's2c', band)[0] for band in ('B2', 'B1'))
        assert (coarser.c - base.c) / base.a == pytest.approx(-2.5, abs=1e-6)
        for scene in scenes(root, 's2c'):
            coarse, fine = (rasterio.open(scene / f'{band}.tif').read(1) for band in ('B1', 'B2'))
            assert agreement(coarse, fine, 0) > agreement(coarse, fine, -2.5) + 0.02
