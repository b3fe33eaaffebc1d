"""Label rasters on other grids, against a lookup pixel by pixel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_image_files import write

from mmss_plugins.prepare.class_map import ClassMap
from mmss_plugins.prepare.raster_labels import check_position, label_grid, read_label
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.raster.georeference import IDENTITY, Grid
from mmss_plugins.raster.windows import Window

rasterio = pytest.importorskip('rasterio')
pytest.importorskip('rasterio.warp')

UTM = rasterio.CRS.from_epsg(32633).to_wkt()
GRID = Grid((30, 36), (10.0, 0.0, 500_000.0, 0.0, -10.0, 5_300_000.0), UTM)
CLASSES = ClassMap(tuple('abcdefgh'), {value: value - 1 for value in range(1, 9)} | {0: 255})
LABEL = np.random.default_rng(1).integers(1, 9, (1, 60, 60)).astype(np.uint8)


def label_file(folder, crs='EPSG:32633', transform=(7.0, 0.0, 499_950.0, 0.0, -6.0, 5_300_020.0),
               **kwargs):  # fmt: skip
    return write(
        folder / 'label.tif', LABEL, crs=crs, transform=rasterio.Affine(*transform), **kwargs
    )


def looked_up(path, window):
    """The label at the centre of each pixel, one by one."""
    found = np.full((window.height, window.width), 255, np.uint8)
    with rasterio.open(path) as source:
        values = source.read(1)
        for row, col in np.ndindex(found.shape):
            x = 500_000 + 10 * (window.col + col + 0.5)
            y = 5_300_000 - 10 * (window.row + row + 0.5)
            (x,), (y,) = rasterio.warp.transform(UTM, source.crs, [x], [y])
            place = source.index(x, y)
            if all(0 <= p < n for p, n in zip(place, values.shape, strict=True)):
                value = values[place]
                found[row, col] = 255 if value == source.nodata else value - 1
    return found


@pytest.mark.parametrize('case', ['shifted', 'south up', 'degrees', 'nodata'])
def test_each_pixel_takes_the_label_at_its_centre(tmp_path, case):
    options = {
        'shifted': {},
        'south up': {'transform': (7.0, 0.0, 500_020.0, 0.0, 6.0, 5_299_650.0)},
        'degrees': {'crs': 'EPSG:4326', 'transform': (9e-5, 0, 15.0003, 0, -7e-5, 47.8536)},
        'nodata': {'nodata': 3},
    }[case]
    path = label_file(tmp_path, **options)
    check_position(path, label_grid(path), GRID, False)
    for window in (Window(0, 0, *GRID.shape), Window(11, 5, 16, 20)):
        expected = looked_up(path, window)
        found = read_label(path, GRID, window, CLASSES)
        np.testing.assert_array_equal(found, expected)
        assert len(np.unique(found)) > 5
    if case != 'degrees':
        assert (expected != 255).mean() > 0.5


def test_what_lies_elsewhere_or_nowhere(tmp_path):
    far = label_file(tmp_path, transform=(7.0, 0.0, 600_000.0, 0.0, -6.0, 5_300_020.0))
    with pytest.raises(RasterError, match='does not overlap the image'):
        check_position(far, label_grid(far), GRID, False)
    plain = write(tmp_path / 'plain.tif', LABEL[:, :30, :36])
    grid = label_grid(plain)
    with pytest.raises(RasterError, match=r'the label does not: .*--assume-aligned'):
        check_position(plain, grid, GRID, False)
    check_position(plain, grid, GRID, True)
    found = read_label(plain, GRID, Window(2, 3, 4, 5), CLASSES, assume_aligned=True)
    np.testing.assert_array_equal(found, LABEL[0, 2:6, 3:8] - 1)
    check_position(plain, grid, Grid((30, 36), IDENTITY, None), False)
    with pytest.raises(RasterError, match='expected 9 x 9 pixels'):
        check_position(plain, grid, Grid((9, 9), IDENTITY, None), False)


def test_masks_of_numbers_and_colours(tmp_path):
    numbers, window = LABEL[0, :5, :6], Window(1, 2, 3, 4)
    grid, part = Grid((5, 6), IDENTITY, None), np.s_[1:4, 2:6]
    palette = Image.fromarray(numbers, 'P')
    palette.putpalette([factor * i for i in range(10) for factor in (1, 2, 3)])
    palette.save(tmp_path / 'palette.png')
    Image.fromarray(numbers).save(tmp_path / 'grey.png')
    for name in ('palette.png', 'grey.png'):
        found = read_label(tmp_path / name, grid, window, CLASSES)
        np.testing.assert_array_equal(found, numbers[part] - 1)
    colours = ClassMap(CLASSES.classes, {(i, 2 * i, 3 * i): i - 1 for i in range(1, 9)})
    found = read_label(tmp_path / 'palette.png', grid, window, colours)
    np.testing.assert_array_equal(found, numbers[part] - 1)
    with pytest.raises(RasterError, match=r'grey.png: expected colours'):
        read_label(tmp_path / 'grey.png', grid, window, colours)
    write(tmp_path / 'fraction.tif', np.full((1, 5, 6), 1.5, np.float32))
    with pytest.raises(RasterError, match='whole numbers'):
        read_label(tmp_path / 'fraction.tif', grid, window, CLASSES)


def test_a_label_in_a_local_reference_system_cannot_be_placed():
    transform = (10.0, 0.0, 5e5, 0.0, -10.0, 5e6)
    local = rasterio.CRS.from_wkt('LOCAL_CS["x",UNIT["metre",1]]').to_wkt()
    label, image = (
        Grid((4, 4), transform, crs) for crs in (local, rasterio.CRS.from_epsg(32633).to_wkt())
    )
    with pytest.raises(RasterError, match='cannot be transformed to the reference system'):
        check_position(Path('a.tif'), label, image, assume_aligned=False)
    check_position(Path('a.tif'), label, image, assume_aligned=True)
