"""The Zarr files of v1.1, against what the zarr library and rasterio read."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import read_raw, write_tiff
from helpers.ssl4eo_trees import S1_SCENES, S2_SCENES, place
from rasterio.warp import Resampling, reproject, transform

zarr = pytest.importorskip('zarr', reason='needs zarr (extra zarr)')

from helpers.ssl4eo_zarr_files import add_member, modality, write_chunk_file, write_shard  # noqa: E402

from mmss_plugins.prepare import ssl4eo_zarr  # noqa: E402
from mmss_plugins.prepare.noldo_pretrain import main  # noqa: E402
from mmss_plugins.store.reader import ReadRequest, StoreReader  # noqa: E402

SIZE, EPSG = 16, 32643
SAMPLES = ['0000200', '0000007']
CORNERS = [(335_010.0 + 5_000 * i, 3_370_020.0) for i in range(2)]
SEASONS = [f'season{index}' for index in range(4)]
S1_STORED = [S1_SCENES[index] for index in (1, 2, 0, 3)]  # sorted by name, not by date


def make(root, write=write_chunk_file, level='S2L1C', offset=0):
    rng = np.random.default_rng(8)
    count = {'S2L1C': 13, 'S2L2A': 12}[level]
    s2 = rng.integers(300, 5000, (2, 4, count, SIZE, SIZE)).astype(np.int16)
    if count == 13:
        s2[:, :, 10] = rng.integers(5, 30, (2, 4, SIZE, SIZE))
    s1 = rng.normal(-12, 3, (2, 4, 2, SIZE, SIZE)).astype(np.float16)
    clouds = rng.integers(0, 7, (2, 4, SIZE, SIZE)).astype(np.uint8)
    files = {
        'S1GRD': modality('S1GRD', SAMPLES, [S1_STORED] * 2, s1, CORNERS, EPSG),
        level: modality(level, SAMPLES, [S2_SCENES] * 2, s2 + offset, CORNERS, EPSG, clouds),
    }
    for name, arrays in files.items():
        write(root / 'SSL4EO-S12-v1.1', 'train', name, 1, arrays)
    return files


def write_maps(root, georeferenced=True):
    """Label maps in degrees, as those of v1.0, larger than the images by a margin."""
    rng = np.random.default_rng(4)
    for sample, (x, y) in zip(SAMPLES, CORNERS, strict=True):
        (left, right), (top, bottom) = transform(
            f'EPSG:{EPSG}', 'EPSG:4326', [x - 60, x + 260], [y + 60, y - 260]
        )
        grid = rasterio.transform.from_bounds(left, bottom, right, top, 36, 36)
        for scene in S2_SCENES:
            label = rng.integers(0, 9, (36, 36)).astype(np.uint8)
            path = root / 'ssl4eo_s12_nol/dw_noisy_labels' / sample / scene / 'label.tif'
            write_tiff(path, label, **(place(grid) if georeferenced else {}))
    rows = [','.join([sample, *S2_SCENES]) for sample in SAMPLES]
    (root / 'ssl4eo_s12_nol/dw_complete_ids.csv').write_text('\n'.join(rows))


def prepare(root, *options):
    out = root / 'a.lmdb'
    command = [out, '--images', root, '--labels', root / 'ssl4eo_s12_nol', '--workers', '1']
    return main(list(map(str, [*command, *options]))), out


def read(out, sample, field, season):
    return StoreReader(out).read(sample, [ReadRequest(field, season)])[0]


@pytest.fixture(scope='module')
def master(tmp_path_factory):
    root = tmp_path_factory.mktemp('master')
    make(root)
    write_maps(root)
    return root


@pytest.fixture
def tree(master, tmp_path):
    shutil.copytree(master, tmp_path / 'raw')
    return tmp_path / 'raw'


@pytest.mark.parametrize('write', [write_chunk_file, write_shard])
def test_pixels_pairs_masks_and_labels(tmp_path, write):
    files = make(tmp_path, write)
    write_maps(tmp_path)
    status, out = prepare(tmp_path)
    assert status == 0
    meta = StoreReader(out).meta
    assert meta.fields['cloud_mask']['kind'] == 'mask'
    assert (meta.fields['s1']['dtype'], meta.fields['s2']['dtype']) == ('float32', 'int16')
    for row, sample in enumerate(SAMPLES):
        for time, season in enumerate(SEASONS):
            s1 = files['S1GRD']['bands'][row, S1_STORED.index(S1_SCENES[time])]
            np.testing.assert_array_equal(read(out, sample, 's1', season), s1)
            s2, clouds = (files['S2L1C'][name][row, time] for name in ('bands', 'cloud_mask'))
            np.testing.assert_array_equal(read(out, sample, 's2', season), s2)
            np.testing.assert_array_equal(read(out, sample, 'cloud_mask', season), clouds)
    x, y = CORNERS[1]
    grid = rasterio.Affine(10, 0, x, 0, -10, y)
    path = tmp_path / 'ssl4eo_s12_nol/dw_noisy_labels' / SAMPLES[1] / S2_SCENES[2] / 'label.tif'
    expected = np.full((SIZE, SIZE), 255, np.uint8)
    with rasterio.open(path) as source:
        reproject(
            source.read(1), expected, src_transform=source.transform, src_crs=source.crs,
            dst_transform=grid, dst_crs=f'EPSG:{EPSG}', resampling=Resampling.nearest,
        )  # fmt: skip
    found = read(out, SAMPLES[1], 'label', 'season2')
    np.testing.assert_array_equal(found, expected)
    label = read_raw(path)[0]
    (lon,), (lat,) = transform(f'EPSG:{EPSG}', 'EPSG:4326', [x + 35], [y - 75])
    with rasterio.open(path) as source:  # by hand: the class where the pixel's centre lies
        assert found[7, 3] == label[source.index(lon, lat)]


def test_the_library_reads_the_same(tree):
    _, out = prepare(tree)
    (path,) = (tree / 'SSL4EO-S12-v1.1/train/S2L1C').iterdir()
    store = zarr.storage.ZipStore(str(path), mode='r')
    bands = zarr.open_group(store, mode='r')['bands'][1, 3]
    store.close()
    np.testing.assert_array_equal(read(out, '0000007', 's2', 'season3'), bands)


def test_l2a(tmp_path, capsys):
    files = make(tmp_path, level='S2L2A')
    write_maps(tmp_path)
    assert prepare(tmp_path)[0] == 2
    assert '--s2 s2a' in capsys.readouterr().err
    status, out = prepare(tmp_path, '--s2', 's2a')
    assert status == 0
    np.testing.assert_array_equal(
        read(out, '0000007', 's2', 'season0'), files['S2L2A']['bands'][1, 0]
    )
    (text,) = json.loads((tmp_path / 'a.lmdb.summary.json').read_text())['warnings']
    assert '+1000' in text
    assert prepare(tmp_path, '--s2', 's2a', '--overwrite', '--s2-offset', '200')[0] == 0
    assert json.loads((tmp_path / 'a.lmdb.summary.json').read_text())['warnings'] == []


def test_the_offset_of_the_chunk_files_is_noticed(tmp_path):
    files = make(tmp_path, offset=1000)
    write_maps(tmp_path)
    assert prepare(tmp_path)[0] == 0
    (text,) = json.loads((tmp_path / 'a.lmdb.summary.json').read_text())['warnings']
    assert 'B10 averages above 500 in 8 of 8' in text
    status, out = prepare(tmp_path, '--s2-offset', '1000', '--overwrite')
    assert status == 0
    np.testing.assert_array_equal(
        read(out, '0000007', 's2', 'season0'), files['S2L1C']['bands'][1, 0] - 1000
    )


def test_maps_without_georeference_are_refused(tmp_path, capsys):
    make(tmp_path)
    write_maps(tmp_path, georeferenced=False)
    assert prepare(tmp_path)[0] == 1
    printed = capsys.readouterr().out
    assert 'label.tif: has no georeference' in printed
    assert '--assume-aligned' in printed
    assert prepare(tmp_path, '--assume-aligned')[0] == 0


def test_locations_that_are_not_there(tree, capsys):
    index = tree / 'ssl4eo_s12_nol/dw_complete_ids.csv'
    index.write_text(index.read_text() + '\n' + ','.join(['9', *S2_SCENES]))
    status, out = prepare(tree)
    assert status == 1
    assert len(StoreReader(out)) == 2
    assert 'no location 0000009 in the Zarr files' in capsys.readouterr().out


def test_scenes_that_are_not_there(tree, capsys):
    index = tree / 'ssl4eo_s12_nol/dw_complete_ids.csv'
    index.write_text(index.read_text().replace('20201116T054119', '20201117T054119', 1))
    assert prepare(tree)[0] == 1
    printed = capsys.readouterr().out
    assert 'sample 0, scene 20201117T054119' in printed
    assert 'no such scene: file_id has 20200324T054641' in printed


def test_a_location_in_two_files(tree, capsys):
    folder = tree / 'SSL4EO-S12-v1.1'
    shutil.copytree(folder / 'train', folder / 'val')
    assert prepare(tree)[0] == 2
    assert 'is in' in capsys.readouterr().err


def rewrite(tree, kind, member, change):
    """Change a member of a Zarr file."""
    (path,) = (tree / 'SSL4EO-S12-v1.1/train' / kind).iterdir()
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents[member] = change(contents[member])
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return path


def with_values(**values):
    return lambda text: json.dumps({**json.loads(text), **values}).encode()


@pytest.mark.parametrize(
    ('member', 'change', 'status', 'message'),
    [
        ('bands/.zarray', with_values(filters=[{'id': 'pickle'}]), 1, "codec 'pickle' is not"),
        ('bands/.zarray', with_values(compressor={'id': 'pickle'}), 1, "codec 'pickle' is not"),
        ('file_id/.zarray', with_values(filters=[{'id': 'pickle'}]), 1, "codec 'pickle'"),
        ('file_id/.zarray', with_values(dtype='|O', filters=[]), 1, 'objects of an unknown kind'),
        ('bands/.zarray', with_values(chunks=[1, 1, 13, 99999, 99999]), 1, 'more than is read at'),
        ('bands/.zarray', with_values(shape=[2, 4, 13, 999999, 999999]), 1, 'more than is read'),
        ('bands/.zarray', with_values(shape='x'), 1, 'no description'),
        ('bands/.zarray', lambda text: b'[' * 100_000, 1, 'no description'),
        ('bands/.zarray', with_values(shape=[1, 4, 13, SIZE, SIZE]), 1, 'has no'),
        ('bands/0.0.0.0.0', lambda data: data[:20], 1, 'unreadable variable'),
        ('sample/.zarray', with_values(filters=[{'id': 'pickle'}]), 2, "codec 'pickle'"),
    ],
)
def test_hostile_and_damaged_files(tree, capsys, member, change, status, message):
    path = rewrite(tree, 'S2L1C', member, change)
    assert prepare(tree)[0] == status
    captured = capsys.readouterr()
    text = captured.out if status == 1 else captured.err
    assert message in text
    assert str(path) in text


def test_files_that_are_none(tree, capsys):
    (path,) = (tree / 'SSL4EO-S12-v1.1/train/S1GRD').iterdir()
    path.write_bytes(b'PK' + bytes(100))
    assert prepare(tree)[0] == 2
    assert f'{path}: unreadable zipped Zarr file' in capsys.readouterr().err
    path.unlink()
    add_member(path, 'zarr.json', '{}')
    assert prepare(tree)[0] == 2
    assert 'found format 3' in capsys.readouterr().err


def test_folders_of_other_names_are_recognised_by_their_bands(tree):
    folder = tree / 'SSL4EO-S12-v1.1/train'
    (folder / 'S1GRD').rename(tree / 'radar')
    (folder / 'S2L1C').rename(tree / 'optical')
    assert prepare(tree)[0] == 0


def test_one_sensor_only(tree, capsys):
    shutil.rmtree(tree / 'SSL4EO-S12-v1.1/train/S1GRD')
    assert prepare(tree)[0] == 2
    assert 'no images of Sentinel-1' in capsys.readouterr().err


def test_the_library_is_named(tree, monkeypatch, capsys):
    monkeypatch.setitem(__import__('sys').modules, 'zarr', None)
    assert prepare(tree)[0] == 2
    assert 'pip install "mmss_plugins[zarr]"' in capsys.readouterr().err


@pytest.mark.parametrize('name', ['B1', 'B01', 'b01', 'B8A', 'vv', 'B10'])
def test_band_names(name):
    expected = {'B1': 'B1', 'B01': 'B1', 'b01': 'B1', 'B8A': 'B8A', 'vv': 'VV', 'B10': 'B10'}
    assert ssl4eo_zarr._plain(name) == expected[name]


def test_texts_as_bytes(tmp_path):
    files = make(tmp_path)
    write_maps(tmp_path)
    for name, arrays in files.items():
        arrays['crs'] = arrays['crs'].astype(np.float64)
        for key in ('file_id', 'band', 'sample'):
            arrays[key] = np.array(arrays[key]).astype('S')
        write_chunk_file(tmp_path / 'SSL4EO-S12-v1.1', 'train', name, 1, arrays)
    status, out = prepare(tmp_path)
    assert status == 0
    s1 = files['S1GRD']['bands'][0, S1_STORED.index(S1_SCENES[0])]
    np.testing.assert_array_equal(read(out, SAMPLES[0], 's1', 'season0'), s1)
