"""Impossible samples: refused by the writer, found by ``verify`` in a store that has them."""

import shutil

import lmdb
import numpy as np
import pytest
from helpers.small_store import LABEL_SPEC, dump, image_spec

from mmss_plugins.store.codec import encode
from mmss_plugins.store.errors import StoreSampleError
from mmss_plugins.store.fields import band_field, mask_field
from mmss_plugins.store.reader import StoreMeta, StoreReader, StoreWriter
from mmss_plugins.store.tools.cli import main
from mmss_plugins.store.tools.verify import verify_store

SIZE = 64
FIELDS = {
    's1': image_spec(['VV', 'VH'], 'float32', 'raw', 'dB'),
    's2': image_spec(['B2', 'B10', 'B4'], 'uint16', 'raw', 'reflectance x 10000'),
    'coded': image_spec(['x'], 'uint8', 'clip8', 'dB'),
    'height': image_spec(['h'], 'float64', 'raw', 'm'),
    'label': LABEL_SPEC,
    'clean_label': LABEL_SPEC,
    'cloud_mask': mask_field('cloud'),
}
SEASONS = ('summer', 'winter')


def sample(seed=0):
    rng = np.random.default_rng(seed)
    shape = (SIZE, SIZE)
    one = {
        's1': rng.normal(-14, 3, (2, *shape)).astype(np.float32),
        's2': rng.integers(300, 4000, (3, *shape)).astype(np.uint16),
        'coded': np.full((1, *shape), 255, np.uint8),  # no sensor's: not judged
        'height': rng.normal(0, 1e6, (1, *shape)),
        'label': rng.choice(np.array([0, 1, 255], np.uint8), shape),
        'clean_label': rng.integers(0, 2, shape).astype(np.uint8),
        'cloud_mask': rng.integers(0, 256, shape).astype(np.uint8),
    }
    one['s2'][1] = rng.integers(0, 30, shape)  # B10 is dark
    return {(season, field): array for season in SEASONS for field, array in one.items()}


def description(**changes):
    return StoreMeta('toy', 'train', {**FIELDS, **changes}, ('a', 'b'), SEASONS)


def at(field, change):
    def damage(arrays):
        key = ('winter', field)
        arrays[key] = change(arrays[key].copy())

    return damage


def put(place, value):
    def change(array):
        array[place] = value
        return array

    return change


CASES = {
    'label of another size': (at('label', lambda a: a[:-1]), 'winter: expected fields of one'),
    'mask of another size': (at('cloud_mask', lambda a: a[:, 1:]), r'cloud_mask 64 x 63'),
    'image of another size': (at('height', lambda a: a[:, 1:]), r'height 63 x 64'),
    'label beyond the classes': (at('label', put((3, 4), 2)), r'0\.\.1 or 255, but 1 .* as 2'),
    'clean label beyond': (at('clean_label', put(0, 254)), '64 pixels have others, such as 254'),
    'one NaN': (at('s1', put((1, 3, 4), np.nan)), '1 are NaN or infinite, in VH'),
    'one infinite value': (at('height', put((0, 0, 0), -np.inf)), '1 are NaN or infinite, in h'),
    'another type': (at('s1', lambda a: a.astype(np.float64)), r'expected \(2, H, W\) float32'),
    'a band too few': (at('s2', lambda a: a[:2]), r'expected \(3, H, W\) uint16'),
    'a label with bands': (at('label', lambda a: a[None]), r'expected \(H, W\) uint8'),
    'linear power': (at('s1', lambda a: 10 ** (a / 10)), 'VV as backscatter in dB'),
    'a black image': (at('s2', lambda a: a * 0), 'B2 as reflectance x 10000'),
}


def poke(path, sample_id, arrays):
    """Put arrays into a finished store behind the package's back, with right checksums."""
    with lmdb.open(str(path)) as env, env.begin(write=True) as txn:
        for (season, field), array in arrays.items():
            txn.put(f'{sample_id}/{season}/{field}'.encode(), encode(array))


@pytest.fixture(scope='module')
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp('good') / 'a.lmdb'
    with StoreWriter(path, description()) as writer:
        writer.put('0', sample(0))
        writer.put('1', sample(1))
    return path


def test_good_samples_pass(good):
    assert verify_store(good, 1, isolate=False).problems == []
    with StoreReader(good) as reader:
        assert [reader.check(name)[1] for name in reader.sample_ids] == [[], []]


@pytest.mark.parametrize('name', CASES)
@pytest.mark.parametrize('encoded', [False, True])
def test_the_writer_refuses_and_continues(tmp_path, name, encoded):
    damage, message = CASES[name]
    arrays = sample()
    damage(arrays)
    if encoded:
        arrays = {key: encode(array) for key, array in arrays.items()}
    path = tmp_path / 'a.lmdb'
    with StoreWriter(path, description()) as writer:
        with pytest.raises(StoreSampleError, match=message) as caught:
            writer.put('bad', arrays)
        writer.put('good', sample())
    text = str(caught.value)
    assert f"{path}: sample 'bad'" in text
    assert 'winter' in text
    assert StoreReader(path).sample_ids == ('good',)
    assert not [key for key in dump(path) if key.startswith(b'bad')]


@pytest.mark.parametrize('name', CASES)
def test_the_reader_finds_them(good, tmp_path, name):
    damage, message = CASES[name]
    arrays = sample()
    damage(arrays)
    path = tmp_path / 'a.lmdb'
    shutil.copytree(good, path)
    poke(path, '1', arrays)
    with StoreReader(path) as reader:
        assert reader.check('0')[1] == []
        problems = reader.check('1')[1]
    assert len(problems) == 1
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(problems[0])
    assert str(path) in problems[0]


def test_verify_reports_them(good, tmp_path):
    path = tmp_path / 'a.lmdb'
    shutil.copytree(good, path)
    arrays = sample()
    CASES['label beyond the classes'][0](arrays)
    poke(path, '1', arrays)
    (problem,) = verify_store(path, 1, isolate=False).problems
    assert "key '1/winter/label': expected labels 0..1 or 255" in problem


def test_an_impossible_sample_of_an_old_store_is_skipped(good, tmp_path, capsys):
    path = tmp_path / 'a.lmdb'
    shutil.copytree(good, path)
    arrays = sample()
    CASES['one NaN'][0](arrays)
    poke(path, '1', arrays)
    command = ['subset', str(path), str(tmp_path / 'b.lmdb'), '--count', '2', '--workers', '1']
    assert main(command) == 1
    assert 'skipped 1: ' in capsys.readouterr().out
    assert StoreReader(tmp_path / 'b.lmdb').sample_ids == ('0',)


def test_units_are_judged_after_scaling(tmp_path):
    bands = ['B2', 'B10', 'B4']
    spec = band_field(bands, 'int16', 'reflectance x 10000', 'linear', [10] * 3, [0] * 3)
    stored = (sample()['summer', 's2'] // 10).astype(np.int16)
    for factor, good in ((1, True), (0, False), (8, False)):
        with StoreWriter(tmp_path / f'{factor}.lmdb', StoreMeta('t', 'x', {'s2': spec})) as writer:
            if good:
                writer.put('0', {'s2': stored * np.int16(factor)})
            else:
                with pytest.raises(StoreSampleError, match='reflectance x 10000'):
                    writer.put('0', {'s2': np.full_like(stored, 30_000 if factor else 0)})


def test_without_class_names_any_label_is_allowed(tmp_path):
    with StoreWriter(tmp_path / 'a.lmdb', StoreMeta('t', 'x', {'label': LABEL_SPEC})) as writer:
        writer.put('0', {'label': np.full((4, 4), 200, np.uint8)})
