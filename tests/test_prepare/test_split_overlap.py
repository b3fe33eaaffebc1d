"""Scenes of different splits on the same ground are found, and neighbours are not."""

import pytest

from mmss_plugins.prepare.split_overlap import find_overlap, overlap_notes, part_of
from mmss_plugins.raster.georeference import Grid
from mmss_plugins.raster.windows import Window

rasterio = pytest.importorskip('rasterio')
warp = pytest.importorskip('rasterio.warp')

UTM, NEXT, DEGREES = (rasterio.CRS.from_epsg(code).to_wkt() for code in (32633, 32632, 4326))


def grid(east=500_000, north=5_300_000, crs=UTM, pixel=10.0, side=64):
    return Grid((side, side), (pixel, 0.0, east, 0.0, -pixel, north), crs)


def moved(source, crs):
    """About the same place in another reference system."""
    left, _, right, top = warp.transform_bounds(
        source.crs, crs, *source.corners[2], *source.corners[1]
    )
    pixel = (right - left) / 64
    return grid(left, top, crs, pixel)


@pytest.mark.parametrize(
    ('other', 'expected'),
    [
        (grid(), True),
        (grid(500_620), True),  # two columns
        (grid(500_637), False),  # a third of a pixel
        (grid(500_640), False),
        (grid(500_000, 5_299_360), False),
        (Grid((64, 64), (9.0, 4.0, 500_300.0, 4.0, -9.0, 5_299_900.0), UTM), True),
        (moved(grid(), DEGREES), True),
        (moved(grid(500_300), NEXT), True),
        (moved(grid(502_000), NEXT), False),
        (Grid((64, 64), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), None), False),
    ],
)
def test_the_same_ground(other, expected):
    parts = [('train', 'a', grid()), ('val', 'b', other)]
    assert find_overlap(parts) == ((1, ('a', 'b')) if expected else (0, ('', '')))
    assert find_overlap([('val', name, place) for _, name, place in parts])[0] == 0
    assert bool(overlap_notes(parts)) == expected


def test_a_window_has_its_place():
    part = part_of(grid(), Window(10, 20, 5, 6))
    assert part.shape == (5, 6)
    assert part.corners[0] == (500_200, 5_299_900)
