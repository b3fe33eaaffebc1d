"""Exported files are whole, and compared with the store when they are there."""

import numpy as np
import pytest
import rasterio
from helpers.small_disks import limited_files, small_disk
from helpers.small_store import LABEL_SPEC, image_spec, make_samples, write_store

from mmss_plugins.store.fields import band_field, mask_field
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.store.tools.cli import main

COUNT = 3


def run(*arguments):
    return main([*map(str, arguments), '--workers', '1'])


@pytest.fixture(scope='module')
def samples():
    return make_samples(COUNT, size=64)  # an image has 8 kB (s1), 24 kB (s2)


@pytest.fixture(scope='module')
def store(samples, tmp_path_factory):
    return write_store(tmp_path_factory.mktemp('store') / 'a.lmdb', samples)


def wrong_files(out, samples):
    """Names of the files that do not hold what the store holds."""
    wrong = []
    for path in (path for path in out.rglob('*') if path.is_file()):
        field, sample_id, _ = path.relative_to(out).parts
        try:
            with rasterio.open(path) as file:
                found = file.read()
        except rasterio.errors.RasterioError:
            found = None
        expected = samples[sample_id][path.stem, field]
        if found is None or not np.array_equal(found, expected.reshape(found.shape)):
            wrong.append(path.name)
    return wrong


@pytest.mark.parametrize('size', [100_000, 230_000])
def test_a_full_disk(store, samples, tmp_path, size, capsys):
    with small_disk(tmp_path / 'small', size) as disk:
        assert run('export', store, disk / 'out') == 2
        assert 'No space left on device' in capsys.readouterr().err
        assert wrong_files(disk / 'out', samples) == []
        assert not list(disk.rglob('*.part*'))
        assert run('export', store, disk / 'out') == 2, 'it is not taken for done'


def test_files_that_cannot_be_written(store, samples, tmp_path, capsys):
    out = tmp_path / 'out'
    with limited_files(20_000):  # s2 does not fit
        assert run('export', store, out) == 2
    assert f"{out / 's2/0000000/season0.tif'}'" in capsys.readouterr().err
    assert not (out / 's2/0000000/season0.tif').exists()
    assert run('export', store, out) == 0, 'with room it continues'
    assert len([path for path in out.rglob('*') if path.is_file()]) == COUNT * 4 * 3
    assert wrong_files(out, samples) == []


def truncate(path):
    path.write_bytes(path.read_bytes()[:-5000])


def change(path):
    with rasterio.open(path, 'r+') as file:
        file.write(file.read() + 1)


def shrink(path):
    with rasterio.open(path) as file:
        tags, image = file.tags(), file.read()[:, :8, :8]
    size = {'count': len(image), 'height': 8, 'width': 8, 'dtype': image.dtype}
    with rasterio.open(path, 'w', driver='GTiff', **size) as file:
        file.write(image)
        file.update_tags(**tags)


@pytest.mark.parametrize(
    ('damage', 'message', 'ours'),
    [
        (truncate, 'is damaged', False),
        (change, 'holds other values', True),
        (shrink, 'another size', True),
        (lambda path: path.write_text('mine'), 'no GeoTIFF', False),
    ],
)
def test_what_is_there_is_compared(store, samples, tmp_path, damage, message, ours, capsys):
    arguments = ['export', store, tmp_path / 'out', '--fields', 's2']
    assert run(*arguments) == 0
    path = tmp_path / 'out/s2/0000001/season2.tif'
    damage(path)
    before = path.read_bytes()
    assert run(*arguments) == 1
    out = capsys.readouterr().out
    assert f'{path}: ' in out
    assert message in out
    assert path.read_bytes() == before
    assert run(*arguments, '--overwrite') == (0 if ours else 1)
    assert (path.read_bytes() == before) != ours
    path.unlink(missing_ok=True)
    assert run(*arguments) == 0
    assert wrong_files(tmp_path / 'out', samples) == []


def test_masks_scales_and_types(tmp_path):
    linear = band_field(['h'], 'int16', 'm', 'linear', [0.5], [-3])
    fields = {
        'label': LABEL_SPEC,
        'cloud_mask': mask_field('1 cloud'),
        'dem': linear,
        'half': image_spec(['x'], 'float16', 'raw'),
    }
    arrays = {
        'label': np.zeros((4, 4), np.uint8),
        'cloud_mask': np.full((4, 4), 255, np.uint8),
        'dem': np.arange(16, dtype=np.int16).reshape(1, 4, 4),
        'half': np.full((1, 4, 4), 1.5, np.float16),
    }
    store = write_store(tmp_path / 'a.lmdb', {'x': arrays}, StoreMeta('t', 'x', fields))
    for _ in range(2):
        assert run('export', store, tmp_path / 'out') == 0
    found = {name: rasterio.open(tmp_path / f'out/{name}/x.tif') for name in fields}
    assert found['label'].nodata == 255
    assert found['cloud_mask'].nodata is None
    assert (found['dem'].scales, found['dem'].offsets) == ((0.5,), (-3.0,))
    np.testing.assert_array_equal(found['dem'].read(), arrays['dem'])
    np.testing.assert_array_equal(found['half'].read(), arrays['half'])
