import os
import pickle

import numpy as np
import pytest
import rasterio
from helpers.small_scenes import CORNER, UTM, backscatter, read_raw, reflectance, write_scene
from rasterio.transform import from_origin
from rasterio.warp import transform
from torch.utils.data import DataLoader, Dataset

from mmss_plugins.apis.prediction import RasterError, find_scene
from mmss_plugins.raster import scene_reader
from mmss_plugins.raster.scene_reader import SceneReader
from mmss_plugins.raster.windows import Window

TEN, TWENTY, SIXTY = 'B2', 'B5', 'B1'
WINDOWS = [Window(0, 0, 8, 8), Window(3, 5, 9, 4), Window(23, 35, 1, 1), Window(10, 20, 14, 16)]


def reader_of(bands=('B2',), nodata=None, **paths):
    wanted = {'s1': ('VV', 'VH'), 's2': bands}
    return SceneReader(find_scene(paths, {name: wanted[name] for name in paths}), nodata)


def slope(east, north):
    """A plane over the ground, which bilinear resampling gives back exactly."""
    return 3000 + 2.5 * (east - CORNER[0]) - 1.25 * (CORNER[1] - north)


def centres(shape, pixel, corner=CORNER):
    rows, cols = np.mgrid[: shape[0], : shape[1]] + 0.5
    return corner[0] + cols * pixel, corner[1] - rows * pixel


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """The same plane in bands of 10, 20 and 60 m over 240 x 360 m."""
    folder = tmp_path_factory.mktemp('bands')
    for band, pixel in ((TEN, 10), (TWENTY, 20), (SIXTY, 60)):
        shape = (240 // pixel, 360 // pixel)
        image = slope(*centres(shape, pixel))[None].astype(np.float32)
        write_scene(folder / f'x_{band}.tif', image, pixel=pixel)
    return folder


def test_bands_come_in_the_order_wanted(tmp_path):
    image = reflectance((9, 7))
    path = write_scene(tmp_path / 'a.tif', image)
    reader = reader_of(('B12', 'B1', 'B8A'), s2=path)
    found, valid = reader.read('s2', Window(2, 1, 4, 5))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, image[[12, 0, 8], 2:6, 1:6])
    assert valid.shape == (4, 5)
    assert valid.all()
    np.testing.assert_array_equal(reader.read('s2')[0], image[[12, 0, 8]])


def test_coarser_bands_are_resampled_to_the_finest(folder):
    reader = reader_of((SIXTY, TWENTY, TEN), s2=folder)
    found, valid = reader.read('s2')
    assert found.shape == (3, 24, 36)
    assert valid.all(), 'to the very edge'
    expected = slope(*centres((24, 36), 10))
    for plane, rim in zip(found, (3, 1, 0), strict=True):  # half of the coarse pixel
        inside = np.s_[rim : 24 - rim, rim : 36 - rim]
        np.testing.assert_allclose(plane[inside], expected[inside], atol=1e-2)


def test_windows_are_parts_of_the_whole(folder):
    reader = reader_of((SIXTY, TEN), s2=folder)
    whole = reader.read('s2')[0]
    for window in WINDOWS:
        row, col, height, width = window
        part = whole[:, row : row + height, col : col + width]
        np.testing.assert_allclose(reader.read('s2', window)[0], part, atol=1e-3)


def test_integers_stay_integers(tmp_path):
    write_scene(tmp_path / 'x_B2.tif', reflectance((12, 12), 1))
    coarse = np.full((1, 6, 6), 700, np.uint16)
    write_scene(tmp_path / 'x_B3.tif', coarse, pixel=20)
    found, _ = reader_of(('B2', 'B3'), s2=tmp_path).read('s2')
    assert found.dtype == np.uint16
    assert (found[1] == 700).all()


def test_s1_of_another_zone_is_brought_to_the_s2_grid(tmp_path):
    shape, other = (20, 25), 'EPSG:32632'
    optical = write_scene(tmp_path / 's2.tif', reflectance(shape))
    east, north = centres(shape, 10)
    flat = transform(UTM, other, east.ravel(), north.ravel())
    east, north = (np.reshape(values, shape) for values in flat)
    corner = (east.min() + 43, north.max() + 130)  # its left columns do not reach the scene's

    def plane(x, y):
        return -20 + 0.02 * (x - corner[0]) + 0.03 * (corner[1] - y)

    image = plane(*centres((60, 60), 10, corner))
    image = np.stack([image, image - 5]).astype(np.float32)
    radar = write_scene(tmp_path / 's1.tif', image, corner=corner, crs=other)
    found, valid = reader_of(s1=radar, s2=optical).read('s1')
    assert found.shape == (2, *shape)
    inside, outside = (east > corner[0] + 10), (east < corner[0] - 10)
    assert valid[inside].all()
    assert not valid[outside].any()
    assert outside.sum() > 20
    assert inside.sum() > 200
    for shift, values in zip((0, 5), found, strict=True):
        expected = plane(east, north) - shift
        # GDAL places pixels to an eighth of one
        np.testing.assert_allclose(values[inside], expected[inside], atol=0.13 * 0.5)


def test_a_shifted_grid_is_resampled_as_gdal_does(tmp_path):
    optical = write_scene(tmp_path / 's2.tif', reflectance((16, 16)))
    corner = (CORNER[0] - 33, CORNER[1] + 44)
    radar = write_scene(tmp_path / 's1.tif', backscatter((40, 40)), corner=corner)
    found, valid = reader_of(s1=radar, s2=optical).read('s1', Window(2, 3, 10, 7))
    raw = read_raw(radar).astype(np.float64)
    rows, cols = np.mgrid[2:12, 3:10] + 0.0
    rows, cols = rows + 4.4, cols + 3.3  # of Sentinel-1's pixels
    top, left = rows.astype(int), cols.astype(int)
    down, right = rows - top, cols - left
    expected = (
        raw[:, top, left] * (1 - down) * (1 - right)
        + raw[:, top + 1, left] * down * (1 - right)
        + raw[:, top, left + 1] * (1 - down) * right
        + raw[:, top + 1, left + 1] * down * right
    )
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert valid.all()


def test_a_hair_of_an_offset_is_no_other_grid(tmp_path):
    optical = write_scene(tmp_path / 's2.tif', reflectance((6, 6)))
    image = backscatter((6, 6))
    corner = (CORNER[0] + 0.05, CORNER[1])
    radar = write_scene(tmp_path / 's1.tif', image, corner=corner)
    np.testing.assert_array_equal(reader_of(s1=radar, s2=optical).read('s1')[0], image)


def spoilt(image, value):
    image = image.copy()
    image[0, 1, 2] = image[1, 4, 3] = value
    return image


HOLES = np.ones((6, 7), bool)
HOLES[1, 2] = HOLES[4, 3] = False


@pytest.mark.parametrize(
    ('value', 'profile', 'option'),
    [
        (np.nan, {}, None),
        (np.inf, {}, None),
        (-9999.0, {'nodata': -9999.0}, None),
        (0.0, {}, 0.0),
        (0.0, {'nodata': -9999.0}, 0.0),
        (np.nan, {'nodata': np.nan}, None),
    ],
)
def test_pixels_without_data_in_any_band_are_not_valid(tmp_path, value, profile, option):
    path = write_scene(tmp_path / 'a.tif', spoilt(backscatter((6, 7)), value), **profile)
    _, valid = reader_of(nodata=option, s1=path).read('s1')
    np.testing.assert_array_equal(valid, HOLES)
    _, part = reader_of(nodata=option, s1=path).read('s1', Window(1, 1, 3, 5))
    np.testing.assert_array_equal(part, HOLES[1:4, 1:6])


def test_values_count_where_nothing_says_otherwise(tmp_path):
    path = write_scene(tmp_path / 'a.tif', spoilt(backscatter((6, 7)), 0.0))
    assert reader_of(s1=path).read('s1')[1].all()


def test_bands_that_are_not_wanted_do_not_count(tmp_path):
    image = reflectance((6, 7))
    image[0] = 0
    path = write_scene(tmp_path / 'a.tif', image, nodata=0)
    assert reader_of(s2=path).read('s2')[1].all()
    assert not reader_of(('B2', 'B1'), s2=path).read('s2')[1].any()


@pytest.mark.parametrize('shift', [0, 35])
@pytest.mark.parametrize('kind', ['mask', 'uint8', 'float32', 'int16'])
def test_masks_and_alpha_bands_of_a_file(tmp_path, kind, shift):
    """GDAL's masks do not heed alpha bands of signed types."""
    holes = np.ones((20, 21), bool)
    holes[5:9, 8:] = False
    corner, names = (CORNER[0] + shift, CORNER[1]), ['VV', 'VH', 'B4', 'alpha']
    image = reflectance((20, 21), 3) % 100 + 100
    path = tmp_path / 's1.tif'
    if kind == 'mask':
        write_scene(path, image, names[:3], corner)
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, 'r+') as file:
            file.write_mask(holes)
    else:
        image = np.concatenate([image, 255 * holes[None]]).astype(kind)
        write_scene(path, image, names, corner, photometric='rgb', alpha='yes')
    optical = write_scene(tmp_path / 's2.tif', reflectance((20, 21)))
    found, valid = reader_of(s1=path, s2=optical).read('s1')
    assert (len(found), found.dtype) == (2, np.uint16 if kind == 'mask' else kind)
    if not shift:
        np.testing.assert_array_equal(valid, holes)
        return
    assert not valid[:, :3].any(), 'the file begins further to the east'
    assert valid[:5, 4:].all()
    assert valid[:, 4:11].all()
    assert not valid[5:9, 12:].any()


def test_each_file_has_a_say(tmp_path):
    holes = np.ones((6, 7), bool)
    for band, place in (('B2', (1, 2)), ('B3', (4, 3)), ('B4', (5, 6))):
        image = reflectance((6, 7), 1)
        image[0][place] = 0
        holes[place] = False
        write_scene(tmp_path / f'x_{band}.tif', image, nodata=0)
    np.testing.assert_array_equal(reader_of(('B2', 'B3', 'B4'), s2=tmp_path).read('s2')[1], holes)


@pytest.mark.parametrize('way', ['nodata', 'option', 'nan'])
def test_missing_data_stay_missing_when_resampled(tmp_path, way):
    write_scene(tmp_path / 'x_B2.tif', reflectance((24, 24), 1) + 1)
    coarse = 1000 * np.ones((1, 12, 12), np.float32 if way == 'nan' else np.uint16)
    coarse[0, 4:8, 6:] = np.nan if way == 'nan' else 0
    profile = {'nodata': 0} if way == 'nodata' else {}
    write_scene(tmp_path / 'x_B3.tif', coarse, pixel=20, **profile)
    option = 0 if way == 'option' else None
    found, valid = reader_of(('B2', 'B3'), option, s2=tmp_path).read('s2')
    assert not valid[9:15, 13:].any()
    assert valid[:7].all()
    assert valid[17:].all()
    assert valid[:, :10].all()
    assert (found[1][valid] == 1000).all(), 'the hole is not mixed into its neighbours'


def test_a_truncated_file_is_named(tmp_path):
    path = write_scene(tmp_path / 'a.tif', reflectance((64, 64)))
    path.write_bytes(path.read_bytes()[:40000])
    reader = reader_of(s2=path)
    with pytest.raises(RasterError, match=rf'^{path}: unreadable image \('):
        reader.read('s2')


def test_closing_and_opening_again(folder):
    reader = reader_of((SIXTY, TEN), s2=folder)
    first = reader.read('s2')[0]
    reader.close()
    np.testing.assert_array_equal(reader.read('s2')[0], first)
    copy = pickle.loads(pickle.dumps(reader))  # noqa: S301
    np.testing.assert_array_equal(copy.read('s2')[0], first)
    reader.close()
    copy.close()


class Parts(Dataset):
    def __init__(self, reader):
        self.reader = reader

    def __len__(self):
        return len(WINDOWS)

    def __getitem__(self, index):
        return self.reader.read('s2', WINDOWS[index])[0]


@pytest.mark.parametrize('start', ['fork', 'pickle'])
def test_each_process_opens_the_files_for_itself(folder, tmp_path, start, monkeypatch):
    """Open files that a fork inherits share their position with the parent's."""
    opened, log = scene_reader.opened, tmp_path / 'log'

    def noted(path):
        with log.open('a') as file:
            file.write(f'{os.getpid()}\n')
        return opened(path)

    monkeypatch.setattr(scene_reader, 'opened', noted)
    reader = reader_of((SIXTY, TEN), s2=folder)
    whole = reader.read('s2')[0]
    if start == 'pickle':
        reader = pickle.loads(pickle.dumps(reader))  # noqa: S301
    loader = DataLoader(
        Parts(reader), None, num_workers=2, collate_fn=lambda part: part,
        multiprocessing_context='fork',
    )  # fmt: skip
    for window, part in zip(WINDOWS, loader, strict=True):
        row, col, height, width = window
        expected = whole[:, row : row + height, col : col + width]
        np.testing.assert_allclose(part, expected, atol=1e-3)
    processes = log.read_text().split()
    assert {processes.count(name) for name in processes} == {2}, 'each of the two files once'
    assert len(set(processes)) == 3, 'this one and two workers'
    np.testing.assert_array_equal(reader.read('s2')[0], whole)


def test_open_files_keep_no_environment_of_gdal(folder):
    """It would end when the reader does, in the middle of whatever is done with other files."""
    reader = reader_of((SIXTY, TEN), s2=folder)
    reader.read('s2')
    assert not rasterio.env.hasenv()
    reader.close()
    assert not rasterio.env.hasenv()


def test_the_grid_of_the_scene_may_be_turned_south_up(tmp_path):
    image = reflectance((6, 6))
    write_scene(tmp_path / 'a.tif', image)
    with rasterio.open(tmp_path / 'a.tif', 'r+') as file:
        file.transform = from_origin(*CORNER, 10, -10)
    np.testing.assert_array_equal(reader_of(s2=tmp_path / 'a.tif').read('s2')[0], image[[1]])


def test_a_file_in_a_local_system_cannot_be_brought_to_the_grid(tmp_path):
    local = 'LOCAL_CS["x",UNIT["metre",1]]'
    for band, crs in (('B02', local), ('B03', UTM), ('B04', UTM)):
        write_scene(tmp_path / f'x_{band}.tif', reflectance((6, 6), 1), crs=crs, corner=CORNER,
                    pixel=10 if crs == UTM else 12)  # fmt: skip
    scene = find_scene({'s2': tmp_path}, {'s2': ('B4', 'B3', 'B2')})
    with pytest.raises(RasterError, match=r'x_B02\.tif: cannot be brought to the grid'):
        SceneReader(scene).read('s2')
