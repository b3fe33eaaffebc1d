"""Sentinel-1 scenes pair with Sentinel-2 scenes by date, whatever the order of their listing."""

import math
from datetime import datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from mmss_plugins.prepare.scene_pairs import pair_scenes
from mmss_plugins.raster.errors import RasterError

REAL_S2 = ['20200604T054639_20200604T054831_T43RCP', '20200823T054639_20200823T055618_T43RCP']
REAL_S1 = [
    'S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457',
    'S1A_IW_GRDH_1SDV_20200903T131212_20200903T131237_034195_03F8F5_AC1C',
]


def s2_name(time):
    return f'{time:%Y%m%dT%H%M%S}_{time + timedelta(minutes=2):%Y%m%dT%H%M%S}_T43RCP'


def s1_name(time, satellite):
    end = time + timedelta(seconds=25)
    return f'S1{satellite}_IW_GRDH_1SDV_{time:%Y%m%dT%H%M%S}_{end:%Y%m%dT%H%M%S}_032904_03CFBA_D457'


def brute_force(s2_times, s1_times):
    """Least total distance in seconds over all ways to pair, and all ways that have it."""
    totals = {
        order: sum(
            abs((s1_times[i] - t).total_seconds()) for i, t in zip(order, s2_times, strict=True)
        )
        for order in permutations(range(len(s1_times)), len(s2_times))
    }
    least = min(totals.values())
    return least, {order for order, total in totals.items() if total == least}


def random_times(rng, count, spread, unit):
    steps = rng.choice(spread, count, replace=False)
    return [datetime(2020, 1, 1) + timedelta(seconds=int(step) * unit) for step in steps]


@pytest.mark.parametrize(('s2_count', 's1_count'), [(4, 4), (4, 5), (2, 2), (2, 4), (1, 3)])
def test_shuffled_listings_against_all_permutations(s2_count, s1_count):
    rng = np.random.default_rng(s2_count * 10 + s1_count)
    for turn in range(60):
        unit = 1 if turn % 2 else 86400  # whole days: ties
        spread = (20 if turn % 3 else 400) * 86400 // unit
        s2_times, s1_times = (
            random_times(rng, s2_count, spread, unit),
            random_times(rng, s1_count, spread, unit),
        )
        s2 = [s2_name(time) for time in s2_times]
        s1 = [s1_name(time, rng.choice(['A', 'B'])) for time in s1_times]
        least, best = brute_force(s2_times, s1_times)
        found = pair_scenes(s2, s1, 'there', 'here')
        order = tuple(s1.index(name) for name in found.s1_scenes)
        assert order in best
        assert math.isclose(sum(found.days) * 86400, least, rel_tol=1e-9)
        gaps = [
            abs((s1_times[i] - t).total_seconds()) / 86400
            for i, t in zip(order, s2_times, strict=True)
        ]
        np.testing.assert_allclose(found.days, gaps)
        for _ in range(3):
            mixed = list(rng.permutation(s1))
            assert pair_scenes(s2, mixed, 'there', 'here') == found
            other = rng.permutation(s2_count)
            turned = pair_scenes([s2[i] for i in other], mixed, 'there', 'here')
            assert turned.s1_scenes == tuple(found.s1_scenes[i] for i in other)


def test_the_real_location():
    for listing in permutations(REAL_S1):
        pairs = pair_scenes(REAL_S2, listing, 's1', 's2c')
        assert pairs.s1_scenes == tuple(REAL_S1)
        assert [round(day) for day in pairs.days] == [3, 11]
    assert pair_scenes(REAL_S2[::-1], REAL_S1, 's1', 's2c').s1_scenes == tuple(REAL_S1[::-1])


def test_the_same_names_pair_by_name():
    pairs = pair_scenes(['b', 'a'], ['a', 'c', 'b'], 's1', 's2c')
    assert pairs.s1_scenes == ('b', 'a')
    assert all(map(math.isnan, pairs.days))


def test_too_few_scenes_and_other_names():
    with pytest.raises(RasterError, match=r's1/0000200: expected 2 .* but found 1: S1A_IW_GRDH'):
        pair_scenes(REAL_S2, REAL_S1[:1], 's1/0000200', 's2c')
    with pytest.raises(RasterError, match=r"s1/0000200: the scene 'season1' is no product name"):
        pair_scenes(REAL_S2, [REAL_S1[0], 'season1'], 's1/0000200', 's2c')
    with pytest.raises(RasterError, match=r"s2c: the scene 'summer' is no product name"):
        pair_scenes([REAL_S2[0], 'summer'], REAL_S1, 's1', 's2c')
