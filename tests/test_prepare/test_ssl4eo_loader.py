"""Locations with published names and quirks, read from folders, against independent readings."""

import json
import shutil

import numpy as np
import pytest
import rasterio
from helpers.small_raw_trees import S2_BANDS, SIZES, read_raw, write_tiff
from helpers.ssl4eo_trees import (
    DAYS,
    S1_SCENES,
    S2_SCENES,
    SIZE,
    grid,
    place,
    write_images,
    write_labels,
)
from rasterio.warp import Resampling, reproject

from mmss_plugins.bands import S2, S2_L2A
from mmss_plugins.prepare.noldo_pretrain import main
from mmss_plugins.raster.resample import bicubic
from mmss_plugins.store.normalisation import clip8
from mmss_plugins.store.reader import ReadRequest, StoreReader

SEASONS = [f'season{index}' for index in range(4)]
LOCATION = '0000007'


@pytest.fixture(scope='module')
def master(tmp_path_factory):
    root = tmp_path_factory.mktemp('master')
    write_images(root / 'ssl4eo_s12', [7])
    write_labels(root / 'ssl4eo_s12', root / 'ssl4eo_s12_nol')
    return root


@pytest.fixture
def tree(master, tmp_path):
    shutil.copytree(master, tmp_path / 'raw')
    return tmp_path / 'raw'


def prepare(raw, out, *options):
    return main([str(raw), str(out), '--workers', '1', *map(str, options)])


def read(out, field, season, location=LOCATION):
    return StoreReader(out).read(location, [ReadRequest(field, season)])[0]


def scene(tree, kind, season):
    folder = 'ssl4eo_s12_nol/dw_noisy_labels' if kind == 'label' else f'ssl4eo_s12/{kind}'
    return tree / folder / LOCATION / (S1_SCENES if kind == 's1' else S2_SCENES)[season]


def reason(out):
    (entry,) = json.loads((out.parent / f'{out.name}.summary.json').read_text())['skipped']
    return entry['reason']


def skipped(capsys, tree, tmp_path, *options):
    """What is said of the only location, which is skipped."""
    assert prepare(tree, tmp_path / 'a.lmdb', *options) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if '  skipped ' in line]
    assert len(lines) == 1
    return lines[0].split(f'{LOCATION}: ', 1)[1]


def test_pixels_and_pairs(master, tmp_path, capsys):
    out = tmp_path / 'a.lmdb'
    assert prepare(master, out) == 0
    for index, season in enumerate(SEASONS):
        s1, s2 = (read(out, field, season) for field in ('s1', 's2'))
        for band, name in enumerate(('VV', 'VH')):
            raw = read_raw(scene(master, 's1', index) / f'{name}.tif')[0]
            np.testing.assert_array_equal(s1[band], raw)
        for band, name in enumerate(S2_BANDS):
            raw = read_raw(scene(master, 's2c', index) / f'{name}.tif')[0]
            assert raw.shape == (SIZE // SIZES[name],) * 2
            np.testing.assert_array_equal(s2[band], bicubic(raw, (SIZE, SIZE)))
        raw = read_raw(scene(master, 'label', index) / 'label.tif')[0]
        np.testing.assert_array_equal(read(out, 'label', season), raw)
    printed = capsys.readouterr().out
    assert 'median 3.7, 95 % within 10.2, at most 11.3' in printed
    assert 'corners of Sentinel-1 are up to 41 m' in printed
    summary = json.loads((tmp_path / 'a.lmdb.summary.json').read_text())
    assert summary['days_between_sensors']['maximum'] == pytest.approx(max(DAYS), abs=0.01)
    assert summary['days_between_sensors']['median'] == pytest.approx(np.median(DAYS), abs=0.01)
    assert summary['metres_between_grids']['s1']['median'] == pytest.approx(4 * 10.3, rel=0.01)
    meta = StoreReader(out).meta
    assert meta.seasons == tuple(SEASONS)
    for season, days in zip(SEASONS, DAYS, strict=True):
        found = meta.info['seasons'][season]['days_between_sensors']
        assert found['median'] == pytest.approx(days, abs=0.01)
    (row,) = (tmp_path / 'a.lmdb.samples.jsonl').read_text().splitlines()
    assert json.loads(row)['s1'] == list(S1_SCENES)


def test_roots_of_their_own_and_an_index_without_header(tree, tmp_path):
    index = tree / 'ssl4eo_s12_nol/dw_complete_ids.csv'
    index.write_text(index.read_text().split('\n', 1)[1])
    index.rename(tmp_path / 'places.csv')
    out = tmp_path / 'a.lmdb'
    roots = ['--images', tree / 'ssl4eo_s12', '--labels', tree / 'ssl4eo_s12_nol']
    command = [out, *roots, '--index', tmp_path / 'places.csv', '--workers', '1']
    assert main(list(map(str, command))) == 0
    assert StoreReader(out).sample_ids == (LOCATION,)


def test_rerun_and_continued_run_have_the_same_gaps(master, tmp_path, monkeypatch):
    assert prepare(master, tmp_path / 'a.lmdb') == 0
    assert prepare(master, tmp_path / 'a.lmdb') == 0

    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr('mmss_plugins.store.reader.StoreWriter.finish', stop)
        assert prepare(master, tmp_path / 'b.lmdb', '--commit-every', '1') == 130
    assert prepare(master, tmp_path / 'b.lmdb') == 0
    first, second = (StoreReader(tmp_path / f'{name}.lmdb').meta for name in 'ab')
    assert first.info == second.info
    assert first.info['seasons']


def test_max_days(master, tmp_path, capsys):
    text = skipped(capsys, master, tmp_path, '--max-days', '11')
    assert text.startswith(str(scene(master, 's1', 2)))
    assert f'11.3 days from {S2_SCENES[2]}, but --max-days is 11' in text
    assert prepare(master, tmp_path / 'b.lmdb', '--max-days', '11.5') == 0


def test_too_few_scenes_and_names_that_are_none(tree, tmp_path, capsys):
    folder = scene(tree, 's1', 2)
    folder.rename(folder.with_name('autumn'))
    assert skipped(capsys, tree, tmp_path).startswith(f"{folder.parent}: the scene 'autumn' is no")
    shutil.rmtree(folder.with_name('autumn'))
    text = skipped(capsys, tree, tmp_path)
    assert text.startswith(f'{folder.parent}: expected 4 Sentinel-1 scenes')
    assert 'found 3' in text


def test_the_index_of_sentinel_1_overrides_dates(master, tmp_path):
    turned = [*S1_SCENES[1:], S1_SCENES[0]]
    (tmp_path / 's1.csv').write_text(','.join(['7', *turned]) + '\n')
    assert prepare(master, tmp_path / 'a.lmdb', '--s1-index', tmp_path / 's1.csv') == 0
    raw = read_raw(scene(master, 's1', 1) / 'VV.tif')[0]
    np.testing.assert_array_equal(read(tmp_path / 'a.lmdb', 's1', 'season0')[0], raw)


def test_fewer_seasons(tmp_path):
    write_images(tmp_path / 'raw', [7], seasons=(1, 2))
    write_labels(tmp_path / 'raw', tmp_path / 'raw')
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb') == 2
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb', '--seasons', '2') == 0
    assert StoreReader(tmp_path / 'a.lmdb').meta.seasons == ('season0', 'season1')


def test_aligned_by_position_as_rasterio_does(master, tmp_path):
    out = tmp_path / 'a.lmdb'
    assert prepare(master, out, '--align', 'position') == 0
    transform = grid()
    for kind, name, stored in (
        ('s1', 'VV', read(out, 's1', 'season1')[0]),
        ('s2c', 'B2', read(out, 's2', 'season1')[1]),
        ('s2c', 'B5', read(out, 's2', 'season1')[4]),
        ('s2c', 'B9', read(out, 's2', 'season1')[9]),
    ):
        with rasterio.open(scene(master, kind, 1) / f'{name}.tif') as source:
            expected = np.full((SIZE, SIZE), np.nan, np.float32)
            reproject(
                source.read(1).astype(np.float32), expected, src_transform=source.transform,
                src_crs=source.crs, dst_transform=transform, dst_crs=source.crs,
                dst_nodata=np.nan, resampling=Resampling.cubic,
            )  # fmt: skip
        inside = np.isfinite(expected)
        assert inside.mean() > 0.4
        if name == 'VV':  # which lies four pixels west and two north
            rows, columns = np.indices((SIZE, SIZE))
            np.testing.assert_array_equal(inside, (columns < SIZE - 4) & (rows < SIZE - 2))
            raw = read_raw(scene(master, kind, 1) / 'VV.tif')[0]
            np.testing.assert_allclose(stored[:-2, :-4], raw[2:, 4:], atol=0.05)
        limits = (0, 65535) if stored.dtype == np.uint16 else (-99, 99)
        expected = np.rint(expected) if stored.dtype == np.uint16 else expected
        np.testing.assert_allclose(stored[inside], np.clip(expected[inside], *limits), rtol=1e-6)
    label = read(out, 'label', 'season1')
    raw = read_raw(scene(master, 'label', 1) / 'label.tif')[0]
    known = label != 255
    np.testing.assert_array_equal(label[known], raw[known])
    assert not known[-2:].any()
    assert not known[:, -4:].any()
    assert known[3:-3, 3:-5].all()


# ---- faults that went unnoticed


def shift_label(tree, pixels, season=2):
    path = scene(tree, 'label', season) / 'label.tif'
    write_tiff(path, read_raw(path), **place(grid(pixels, 0)))
    return path


def test_a_shifted_label_is_noticed(tree, tmp_path, capsys):
    path = shift_label(tree, 1)
    text = skipped(capsys, tree, tmp_path)
    assert text.startswith(f'{path}: expected the area of {scene(tree, "s2c", 2)}/B2.tif')
    assert prepare(tree, tmp_path / 'b.lmdb', '--ignore-georeference') == 0
    shift_label(tree, 0.4)
    assert prepare(tree, tmp_path / 'c.lmdb') == 0


def test_a_shifted_label_is_placed_by_position(tree, tmp_path):
    path = shift_label(tree, 3)
    assert prepare(tree, tmp_path / 'a.lmdb', '--align', 'position') == 0
    label = read(tmp_path / 'a.lmdb', 'label', 'season2')
    np.testing.assert_array_equal(label[2:6, 3:8], read_raw(path)[0][2:6, :5])
    assert (label[:, :3] == 255).all()


def test_a_south_up_label(tree, tmp_path, capsys):
    path = scene(tree, 'label', 2) / 'label.tif'
    label = read_raw(path)[0]
    transform = grid(0, SIZE) @ rasterio.Affine.scale(1, -1)
    write_tiff(path, label[::-1], **place(transform))
    assert 'south-up' in skipped(capsys, tree, tmp_path)
    assert prepare(tree, tmp_path / 'b.lmdb', '--align', 'position') == 0
    found = read(tmp_path / 'b.lmdb', 'label', 'season2')
    np.testing.assert_array_equal(found[2:8, 2:8], label[2:8, 2:8])


def test_a_label_of_another_place(tree, tmp_path, capsys):
    path = scene(tree, 'label', 2) / 'label.tif'
    write_tiff(path, read_raw(path), **place(grid(origin=(10, 50))))
    assert str(path) in skipped(capsys, tree, tmp_path)
    assert 'covers 0% of the area' in skipped(capsys, tree, tmp_path, '--align', 'position')


def test_a_label_without_georeference(tree, tmp_path, capsys):
    path = scene(tree, 'label', 2) / 'label.tif'
    write_tiff(path, read_raw(path))
    assert prepare(tree, tmp_path / 'b.lmdb') == 0
    text = skipped(capsys, tree, tmp_path, '--align', 'position')
    assert text.startswith(f'{path}: has no georeference')
    options = ['--align', 'position', '--assume-aligned']
    assert prepare(tree, tmp_path / 'c.lmdb', *options) == 0


@pytest.mark.parametrize('coding', [[], ['--quantise', 'clip8']])
def test_linear_backscatter_and_black_scenes_are_refused(tree, tmp_path, capsys, coding):
    for band in ('VV', 'VH'):
        path = scene(tree, 's1', 1) / f'{band}.tif'
        write_tiff(path, 10 ** (read_raw(path) / 10), **place(grid(-4, -2)))
    text = skipped(capsys, tree, tmp_path, *coding)
    assert text.startswith(f'{scene(tree, "s1", 1)}: expected Sentinel-1 VV as backscatter in dB')
    assert '10 log10' in text


def test_reflectances_from_0_to_1_and_black_scenes(tree, tmp_path, capsys):
    for path in (tree / 'ssl4eo_s12/s2c').glob('*/*/*.tif'):
        write_tiff(path, (read_raw(path) / 10000).astype(np.float32), **place(grid()))
    text = skipped(capsys, tree, tmp_path)
    assert text.startswith(f'{scene(tree, "s2c", 0)}: expected Sentinel-2')
    assert 'multiply them by 10000' in text
    for path in (tree / 'ssl4eo_s12/s2c').glob('*/*/*.tif'):
        write_tiff(path, np.zeros(read_raw(path).shape, np.uint16), **place(grid()))
    text = skipped(capsys, tree, tmp_path, '--quantise', 'clip8')
    assert text.startswith(f'{scene(tree, "s2c", 0)}: expected Sentinel-2')


def declare(path, values, dtype, scale, offset=0.0, **profile):
    write_tiff(path, values.astype(dtype), **profile)
    with rasterio.open(path, 'r+') as file:
        file.scales, file.offsets = [scale], [offset]


def test_declared_scale_and_offset_are_applied(tree, tmp_path):
    for season in range(4):
        for band in ('VV', 'VH'):
            path = scene(tree, 's1', season) / f'{band}.tif'
            declare(path, read_raw(path) * 100, 'int16', 0.01)
        for band in S2_BANDS:
            path = scene(tree, 's2c', season) / f'{band}.tif'
            declare(path, read_raw(path).astype(int) + 1000, 'uint16', 1e-4, -0.1)
    before, after = tmp_path / 'a.lmdb', tmp_path / 'b.lmdb'
    assert prepare(tree, after) == 0
    vv = read(after, 's1', 'season2')[0]
    raw = read_raw(scene(tree, 's1', 2) / 'VV.tif')[0]
    np.testing.assert_allclose(vv, raw / 100, atol=1e-5)
    b2 = read(after, 's2', 'season2')[1]
    np.testing.assert_array_equal(b2, read_raw(scene(tree, 's2c', 2) / 'B2.tif')[0] - 1000)
    assert not before.exists()


@pytest.mark.parametrize('nodata', [0, -9999])
def test_declared_nodata_of_integers(tree, tmp_path, capsys, nodata):
    path = scene(tree, 's2c', 1) / 'B3.tif'
    image = read_raw(path).astype(np.int16)
    image[0, 2, 3] = nodata
    write_tiff(path, image, nodata=nodata)
    text = skipped(capsys, tree, tmp_path)
    assert text.startswith(f'{path}: expected data everywhere, but found 1 of 144 pixels')


def test_a_file_that_says_it_is_another_band(tree, tmp_path, capsys):
    def describe(path, text):
        with rasterio.open(path, 'r+') as file:
            file.set_band_description(1, text)

    for path, text in (('B2', 'B2'), ('B3', 'B03'), ('B5', 'Band 1'), ('B8', 'near infrared')):
        describe(scene(tree, 's2c', 1) / f'{path}.tif', text)
    assert prepare(tree, tmp_path / 'b.lmdb') == 0
    path = scene(tree, 's1', 1) / 'VV.tif'
    describe(path, 'Sigma0_VH_db')
    text = skipped(capsys, tree, tmp_path)
    assert text.startswith(f'{path}: expected the band VV, as the file is named, but it describes')
    describe(path, 'VV')
    path = scene(tree, 's2c', 2) / 'B2.tif'
    describe(path, 'S2_B12')
    assert skipped(capsys, tree, tmp_path).startswith(f'{path}: expected the band B2')


def test_an_absurd_size_skips_the_location(tree, tmp_path, capsys):
    path = scene(tree, 's2c', 1) / 'B3.tif'
    path.unlink()
    profile = {'width': 300_000, 'height': 300_000, 'count': 1, 'dtype': 'uint16'}
    with rasterio.open(path, 'w', driver='GTiff', sparse_ok=True, tiled=True, **profile):
        pass
    assert path.stat().st_size < 20_000_000
    assert skipped(capsys, tree, tmp_path).startswith(f'{path}: ')


def test_8_bit_files_are_read_as_they_are(tmp_path):
    write_images(tmp_path / 'raw', [7], seasons=[1])
    write_labels(tmp_path / 'raw', tmp_path / 'raw')
    for path in (tmp_path / 'raw').glob('s[12]*/*/*/*.tif'):
        write_tiff(path, (np.abs(read_raw(path)) % 256).astype(np.uint8))
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb', '--seasons', '1') == 0
    assert {StoreReader(tmp_path / 'a.lmdb').meta.fields[f]['scale'] for f in ('s1', 's2')} == {
        'clip8'
    }


def test_l2a_is_an_explicit_choice_with_its_own_statistics(tmp_path, capsys):
    write_images(tmp_path / 'raw', [7], seasons=[1, 2], level='s2a')
    write_labels(tmp_path / 'raw', tmp_path / 'raw', level='s2a')
    options = ['--seasons', '2', '--quantise', 'clip8']
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb', *options) == 2
    assert '--s2 s2a takes that processing level' in capsys.readouterr().err
    assert prepare(tmp_path / 'raw', tmp_path / 'a.lmdb', *options, '--s2', 's2a') == 0
    field = StoreReader(tmp_path / 'a.lmdb').meta.fields['s2']
    assert field['bands'] == [band for band in S2_BANDS if band != 'B10']
    assert field['unit'] == S2_L2A.unit != S2.unit
    folder = tmp_path / 'raw/s2a' / LOCATION / S2_SCENES[1]
    raw = np.stack([read_raw(folder / f'{band}.tif')[0] for band in ('B2', 'B3', 'B4', 'B8')])
    indices = [1, 2, 3, 7]
    mean, std = (np.array(values)[indices] for values in (S2_L2A.mean, S2_L2A.std))
    found = read(tmp_path / 'a.lmdb', 's2', 'season0')[indices]
    np.testing.assert_array_equal(found, clip8(raw, tuple(mean), tuple(std)))


def test_both_levels_side_by_side(tree, tmp_path):
    write_images(tree / 'more', [7], level='s2a')
    shutil.rmtree(tree / 'more/s1')
    assert prepare(tree, tmp_path / 'a.lmdb') == 0
    assert prepare(tree, tmp_path / 'b.lmdb', '--s2', 's2a') == 0
    bands = [len(StoreReader(tmp_path / f'{n}.lmdb').meta.fields['s2']['bands']) for n in 'ab']
    assert bands == [13, 12]


def test_labels_only(tree, tmp_path, capsys):
    shutil.rmtree(tree / 'ssl4eo_s12')
    assert prepare(tree, tmp_path / 'a.lmdb') == 2
    error = capsys.readouterr().err
    assert 'hold labels only' in error
    assert 'mmss download noldo ssl4eo' in error


def test_wrong_arguments(tree, tmp_path, capsys):
    for arguments in ([tmp_path / 'a.lmdb'], [tree, tree, tree]):
        with pytest.raises(SystemExit, match='2'):
            main(list(map(str, arguments)))
    with pytest.raises(SystemExit, match='2'):
        prepare(tree, tmp_path / 'a.lmdb', '--max-days', '-1')
    assert 'expected 0 or more days' in capsys.readouterr().err
