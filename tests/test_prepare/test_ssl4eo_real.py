"""A real location of SSL4EO-S12 in all three forms, against independent readings."""

import random

import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import S2_BANDS
from helpers.ssl4eo_trees import REAL, copy_real, pack, write_labels

from mmss_plugins.prepare.noldo_pretrain import main
from mmss_plugins.raster.resample import bicubic
from mmss_plugins.store.reader import ReadRequest, StoreReader, all_requests

pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason='needs the real location, which is not part of the project'
)
LOCATION, SIZE = '0000200', 264
S2_SCENES = ['20200604T054639_20200604T054831_T43RCP', '20200823T054639_20200823T055618_T43RCP']
S1_SCENES = [
    'S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457',
    'S1A_IW_GRDH_1SDV_20200903T131212_20200903T131237_034195_03F8F5_AC1C',
]


@pytest.fixture(scope='module')
def labels(tmp_path_factory):
    root = tmp_path_factory.mktemp('labels')
    copy_real(root / 'images', ('s2c', 's2a'))
    for level in ('s2c', 's2a'):
        write_labels(root / 'images', root / level, level=level)
    return root


def prepare(out, images, labels, *options, level='s2c'):
    command = [out, '--images', *images, '--labels', labels / level, '--s2', level]
    options = ['--seasons', '2', '--workers', '1', *options]
    return main(list(map(str, [*command, *options])))


def read(out, field, season):
    return StoreReader(out).read(LOCATION, [ReadRequest(field, f'season{season}')])[0]


def raw(*parts):
    with rasterio.open(REAL.joinpath(*parts)) as source:
        return source.read(1)


@pytest.fixture(scope='module')
def store(labels, tmp_path_factory):
    out = tmp_path_factory.mktemp('store') / 'a.lmdb'
    assert prepare(out, [REAL], labels) == 0
    return out


def test_folders(store, labels):
    for season, (s1, s2) in enumerate(zip(S1_SCENES, S2_SCENES, strict=True)):
        for band, name in enumerate(('VV', 'VH')):
            stored = read(store, 's1', season)[band]
            np.testing.assert_array_equal(stored, raw('s1', LOCATION, s1, f'{name}.tif'))
        for band, name in enumerate(S2_BANDS):
            native = raw('s2c', LOCATION, s2, f'{name}.tif')
            stored = read(store, 's2', season)[band]
            np.testing.assert_array_equal(stored, bicubic(native, (SIZE, SIZE)))
            if native.shape == (SIZE, SIZE):
                np.testing.assert_array_equal(stored, native)
    info = StoreReader(store).meta.info['seasons']
    days = [info[f'season{i}']['days_between_sensors']['median'] for i in range(2)]
    assert days == [pytest.approx(2.81, abs=0.01), pytest.approx(11.31, abs=0.01)]


def test_archives(store, labels, tmp_path):
    parts = pack(REAL / 's1', tmp_path / 's1_grd', 's1_grd', 3)
    parts += pack(REAL / 's2c', tmp_path / 's2_l1c', 's2_l1c', 4)
    random.Random(0).shuffle(parts)
    assert prepare(tmp_path / 'a.lmdb', parts, labels) == 0
    reader, other = StoreReader(tmp_path / 'a.lmdb'), StoreReader(store)
    assert reader.meta.differences(other.meta) == []
    for request in all_requests(other.meta):
        pair = (r.read(LOCATION, [request])[0] for r in (reader, other))
        np.testing.assert_array_equal(*pair)


def test_zarr_files(labels, tmp_path):
    zarr = pytest.importorskip('zarr', reason='needs zarr (extra zarr)')
    from helpers.ssl4eo_zarr_files import modality, write_chunk_file

    with rasterio.open(REAL.joinpath('s2c', LOCATION, S2_SCENES[0], 'B2.tif')) as source:
        transform = source.transform
    images = {
        'S1GRD': [
            [raw('s1', LOCATION, scene, f'{band}.tif') for band in ('VV', 'VH')]
            for scene in S1_SCENES[::-1]
        ],
        'S2L1C': [
            [
                np.kron(band, np.ones((SIZE // len(band),) * 2)).astype(np.int16)
                for band in (raw('s2c', LOCATION, scene, f'{name}.tif') for name in S2_BANDS)
            ]
            for scene in S2_SCENES
        ],
    }
    for name, scenes in (('S1GRD', S1_SCENES[::-1]), ('S2L1C', S2_SCENES)):
        corners = [(transform.c, transform.f)]
        arrays = modality(name, [LOCATION], [scenes], np.array([images[name]]), corners, 4326)
        arrays['x_'] = transform.c + transform.a * (np.arange(SIZE)[None] + 0.5)
        arrays['y_'] = transform.f + transform.e * (np.arange(SIZE)[None] + 0.5)
        write_chunk_file(tmp_path / 'v1.1', 'val', name, 1, arrays)
    out = tmp_path / 'a.lmdb'
    assert prepare(out, [tmp_path / 'v1.1'], labels) == 0
    for name, field in (('S1GRD', 's1'), ('S2L1C', 's2')):
        (path,) = (tmp_path / 'v1.1/val' / name).iterdir()
        zipped = zarr.storage.ZipStore(str(path), mode='r')
        bands = zarr.open_group(zipped, mode='r')['bands'][...]
        zipped.close()
        for season in range(2):
            time = 1 - season if field == 's1' else season
            np.testing.assert_array_equal(read(out, field, season), bands[0, time])
    for season, scene in enumerate(S2_SCENES):
        path = labels / 's2c/dw_noisy_labels' / LOCATION / scene / 'label.tif'
        with rasterio.open(path) as source:  # on the very grid of the images
            np.testing.assert_array_equal(read(out, 'label', season), source.read(1))


def test_l2a(labels, tmp_path):
    assert prepare(tmp_path / 'a.lmdb', [REAL], labels, level='s2a') == 0
    scenes = sorted(path.name for path in (REAL / 's2a' / LOCATION).iterdir())
    for season, scene in enumerate(scenes):
        native = raw('s2a', LOCATION, scene, 'B8.tif')
        np.testing.assert_array_equal(read(tmp_path / 'a.lmdb', 's2', season)[7], native)


def test_by_position(store, labels, tmp_path):
    assert prepare(tmp_path / 'a.lmdb', [REAL], labels, '--align', 'position') == 0
    s2, placed = (read(out, 's2', 1) for out in (store, tmp_path / 'a.lmdb'))
    np.testing.assert_array_equal(placed[[1, 2, 3, 7]], s2[[1, 2, 3, 7]])
    # the centre of Sentinel-1 lies 3.0 pixels west and 2.5 north, by the corners of the files
    s1, moved = (read(out, 's1', 1)[0] for out in (store, tmp_path / 'a.lmdb'))
    window = (slice(20, 240), slice(20, 240))
    shifts = {
        (row, column): np.corrcoef(
            moved[window].ravel(), np.roll(s1, (-row, -column), (0, 1))[window].ravel()
        )[0, 1]
        for row in range(-2, 6)
        for column in range(-2, 7)
    }
    assert max(shifts, key=shifts.get) in {(2, 3), (3, 3)}
    label = read(tmp_path / 'a.lmdb', 'label', 1)
    assert 0.95 < (label != 255).mean() < 1


def test_four_seasons_are_asked_for(labels, tmp_path, capsys):
    command = [tmp_path / 'a.lmdb', '--images', REAL, '--labels', labels / 's2c']
    assert main(list(map(str, command))) == 2
    assert '--seasons sets their number' in capsys.readouterr().err
