"""Which bands are used, and what is done to their values."""

import argparse

import numpy as np
import pytest

from mmss_plugins.prepare.band_choice import choose_bands
from mmss_plugins.prepare.band_scaling import ScaleChoice, measure, parse_scale
from mmss_plugins.prepare.image_files import ImageInfo
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import IDENTITY, Grid
from mmss_plugins.store.fields import to_physical
from mmss_plugins.store.reader import StoreMeta, StoreWriter
from mmss_plugins.utils.errors import PrepareUsageError

RGB = ('red', 'green', 'blue')


def info(colours=RGB, dtype='uint8', names=None):
    names = names or (None,) * len(colours)
    return ImageInfo(Grid((4, 4), IDENTITY, None), dtype, names, tuple(colours))


def numbers(image, given=None, wanted=None):
    choice = choose_bands([image], given, wanted)
    return dict(zip(choice.names, choice.indices(image, 'x'), strict=True))


def test_names_come_from_the_user_then_the_file_then_its_colours():
    rgba, plain = info((*RGB, 'alpha')), info(('gray', 'undefined', 'undefined'))
    assert numbers(rgba) == {'R': 1, 'G': 2, 'B': 3}
    assert numbers(rgba, given=['R', 'G', 'B', 'NIR']) == {'R': 1, 'G': 2, 'B': 3, 'NIR': 4}
    assert numbers(rgba, given=['r', 'g', 'b']) == {'r': 1, 'g': 2, 'b': 3}
    assert numbers(rgba, wanted=['4', 'B']) == {'band4': 4, 'B': 3}
    assert numbers(plain) == {'band1': 1, 'band2': 2, 'band3': 3}
    assert numbers(plain, ['a', 'b', 'c'], ['C', '1']) == {'c': 3, 'a': 1}
    named = info(names=('Blue', 'Green', 'Red'))
    assert numbers(named, wanted=['red', 'blue']) == {'Red': 3, 'Blue': 1}
    for wrong in (['NIR'], ['5'], ['R', '1']):
        with pytest.raises(PrepareUsageError, match=r'band (NIR|5|1) is (not among|twice)'):
            numbers(rgba, wanted=wrong)
    with pytest.raises(PrepareUsageError, match='gives 2 names'):
        numbers(rgba, given=['a', 'b'])


def test_images_that_differ_from_most_are_refused():
    most, grey, deep = info(), info(('gray',)), info(dtype='uint16')
    choice = choose_bands([grey, most, deep, most], None, None)
    assert choice.names == ('R', 'G', 'B')
    with pytest.raises(RasterError, match=r'R, G, B, as most images have, but found band1'):
        choice.indices(grey, 'grey.png')
    with pytest.raises(RasterError, match='type uint8, as most images have, but found uint16'):
        choice.indices(deep, 'deep.png')


class Images:
    """Patches of numbers, by their number."""

    def __init__(self, values):
        self.values = values

    def __call__(self, index):
        if index == 1:
            raise RasterError('damaged')
        data = self.values[index]
        return data, data[0] > 0


def test_scaling_by_percentiles_is_stated_and_undone():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 5000, (7, 2, 40, 40)).astype(np.uint16)
    scaling = measure(range(7), Images(values), ScaleChoice(), (2, 98), workers=1)
    used = np.delete(values, 1, axis=0).transpose(1, 0, 2, 3).reshape(2, -1)
    used = used[:, used[0] > 0]
    np.testing.assert_allclose(scaling.low, np.percentile(used, 2, axis=1), rtol=1e-5)
    np.testing.assert_allclose(scaling.high, np.percentile(used, 98, axis=1), rtol=1e-5)
    np.testing.assert_allclose(scaling.mean, used.mean(axis=1), rtol=1e-5)
    assert 'percentiles 2 and 98 of 6 patches' in scaling.text
    stored = scaling.apply(values[0])
    assert stored.dtype == np.uint8
    spec = scaling.field(['a', 'b'], np.dtype('uint8'))
    low, high = (np.array(limits)[:, None, None] for limits in (scaling.low, scaling.high))
    difference = to_physical(spec, stored, [0, 1]) - np.clip(values[0], low, high)
    assert np.abs(difference).max() <= (high - low).max() / 255 + 1


def test_other_scalings(tmp_path):
    values = np.full((1, 2, 4, 4), 7, np.uint8)
    kept = measure([0], Images(values), ScaleChoice(), (1, 99), workers=1)
    np.testing.assert_array_equal(kept.apply(values[0]), values[0])
    assert (kept.mean, kept.std, kept.low) == ((7.0, 7.0), (0.0, 0.0), ())
    given = measure([0], Images(values), parse_scale('0,10;-7,21'), (1, 99), workers=1)
    assert given.apply(values[0])[:, 0, 0].tolist() == [178, 127]
    with pytest.raises(PrepareUsageError, match='limits of 3 bands, but the images have 2'):
        measure([0], Images(values), parse_scale('0,1;0,1;0,1'), (1, 99), workers=1)
    for text in ('5,1', 'some', '1,2,3'):
        with pytest.raises(argparse.ArgumentTypeError, match='expected auto, keep'):
            parse_scale(text)
    fields = {'image': given.field(['a', 'b'], np.dtype('uint8'))}
    with StoreWriter(tmp_path / 's.lmdb', StoreMeta('x', 'train', fields)):
        pass
    again = parse_scale(str(tmp_path / 's.lmdb'))
    np.testing.assert_allclose(again.limits, [(0, 10), (-7, 21)])
