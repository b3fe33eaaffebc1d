import re
from datetime import datetime, timedelta
from itertools import permutations

import numpy as np
import pytest

from projects.synthetic.plan import NOLDO, SyntheticOptions, plan_place
from projects.synthetic.products import (
    optical_metadata,
    optical_scene,
    optical_tile,
    sar_metadata,
    sar_scenes,
)

SAR = re.compile(
    r'S1([AB])_IW_GRDH_1SDV_(\d{8}T\d{6})_(\d{8}T\d{6})_(\d{6})_([0-9A-F]{6})_[0-9A-F]{4}'
)
TIME = '%Y%m%dT%H%M%S'


def dates(plan):
    """Of the Sentinel-2 and of the Sentinel-1 scenes, in the order of the seasons."""
    optical = [datetime.strptime(scene[:15], TIME) for _, scene in plan.season_scenes]
    sar = [datetime.strptime(SAR.fullmatch(name)[2], TIME) for name in plan.sar_scenes]
    return optical, sar


def best_pairing(optical, sar):
    """By trying every one of them."""

    def distance(order):
        return sum((abs(a - sar[b]) for a, b in zip(optical, order, strict=True)), timedelta())

    return min(permutations(range(4)), key=distance)


@pytest.fixture(scope='module')
def plans():
    return [
        plan_place(SyntheticOptions(seed=seed), NOLDO, index)
        for seed in (0, 1)
        for index in range(60)
    ]


def test_the_nearest_dates_pair_the_scenes_of_a_season(plans):
    gaps = []
    for plan in plans:
        optical, sar = dates(plan)
        assert best_pairing(optical, sar) == (0, 1, 2, 3)
        gaps += [abs(a.date() - b.date()).days for a, b in zip(optical, sar, strict=True)]
    assert min(gaps) == 1, 'never the same day'
    assert 8 < max(gaps) <= 13
    assert len(set(gaps)) > 8


def test_sorted_names_pair_wrong_scenes(plans):
    for plan in plans:
        scenes = [scene for _, scene in plan.season_scenes]
        by_listing = dict(zip(sorted(scenes), sorted(plan.sar_scenes), strict=True))
        by_index = dict(zip(scenes, sorted(plan.sar_scenes), strict=True))
        truth = dict(zip(scenes, plan.sar_scenes, strict=True))
        assert by_listing != truth
        assert by_index != truth


def test_sar_names_are_of_the_published_product():
    days = [datetime(2020, 6, 4), datetime(2020, 9, 4), datetime(2020, 12, 4)]
    found = [
        name for seed in range(20) for name in sar_scenes(np.random.default_rng(seed), days, 32643)
    ]
    for name in found:
        satellite, start, end, orbit, take = SAR.fullmatch(name).groups()
        begun = datetime.strptime(start, TIME)
        assert datetime.strptime(end, TIME) - begun == timedelta(seconds=25)
        if satellite == 'A':  # the published one: orbit 32904, data take 0x3CFBA
            orbits = (begun - datetime(2020, 6, 7, 1, 8)) / timedelta(days=12) * 175
            assert int(orbit) == pytest.approx(32904 + orbits, abs=1)
            assert int(take, 16) == pytest.approx(0x3CFBA + 8.176 * orbits, abs=10)
    hours = {int(SAR.fullmatch(name)[2][9:11]) for name in found}
    assert hours <= {0, 1, 12, 13}, 'dawn or dusk at 75 degrees east, in UTC'


def test_optical_names_are_of_the_place_and_the_morning():
    rng = np.random.default_rng(0)
    tile = optical_tile(rng, 32643, 3_372_000.0)
    assert re.fullmatch('T43R[A-Z]{2}', tile)  # 30 degrees north
    name = optical_scene(rng, datetime(2021, 5, 1), 32643, tile)
    start, granule, last = name.split('_')
    assert last == tile
    assert '20210501T05' <= start < granule < '20210501T06'


def test_metadata_agree_with_the_names():
    published = 'S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457'
    found = sar_metadata(published, 32643)
    expected = {
        'missionDataTakeID': 249786,
        'orbitNumber_start': 32904,
        'orbitProperties_pass': 'DESCENDING',
        'platform_number': 'A',
        'relativeOrbitNumber_start': 107,
        'system:id': f'COPERNICUS/S1_GRD/{published}',
        'system:time_start': 1591492080000,
    }
    assert {key: found[key] for key in expected} == expected
    evening = 'S1A_IW_GRDH_1SDV_20200903T131212_20200903T131237_034195_03F8F5_AC1C'
    found = sar_metadata(evening, 32643)
    assert (found['orbitProperties_pass'], found['relativeOrbitNumber_stop']) == ('ASCENDING', 173)
    assert found['missionDataTakeID'] == 260341


@pytest.mark.parametrize(
    ('date', 'baseline'), [('20210114', '02.09'), ('20210515', '03.00'), ('20210801', '03.01')]
)
def test_baseline_is_that_of_the_date(date, baseline):
    name = f'{date}T100000_{date}T100500_T31TCJ'
    found = optical_metadata(name, 20.0, np.random.default_rng(0))
    assert found['PROCESSING_BASELINE'] == baseline
    assert (
        f'_N{baseline.replace(".", "")}_R{found["SENSING_ORBIT_NUMBER"]:03d}_T31TCJ_'
        in found['PRODUCT_ID']
    )
    assert found['PRODUCT_ID'].startswith(
        found['SPACECRAFT_NAME'].replace('Sentinel-', 'S') + '_MSIL1C_'
    )
    assert found['MEAN_SOLAR_ZENITH_ANGLE'] == 70
    assert found['system:index'] == name
