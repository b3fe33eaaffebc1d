import re
from itertools import pairwise

import pytest

from projects.synthetic.plan import (
    NOLDO,
    TEST,
    VALIDATION,
    SyntheticOptions,
    data_set_files,
    plan_place,
)

SCENE = re.compile(r'(202[01]\d{4})T\d{6}_\1T\d{6}_T(\d{2})([C-X])[A-Z]{2}')


def test_scenes_are_named_like_products_one_per_season():
    options = SyntheticOptions(locations=30)
    for index in range(30):
        plan = plan_place(options, NOLDO, index)
        seasons, scenes = zip(*plan.season_scenes, strict=True)
        assert seasons == (0, 1, 2, 3)
        assert len(set(scenes)) == len(set(plan.sar_scenes)) == 4
        days = [scene[4:8] for scene in scenes]
        assert days == sorted(days)
        assert len({scene[-6:] for scene in scenes}) == 1, 'one tile'
        for scene in scenes:
            _, zone, band = SCENE.fullmatch(scene).groups()
            start, end, _ = scene.split('_')
            assert start < end
            assert zone == f'{plan.epsg - 32600:02d}'
            assert 'N' <= band <= 'X'


def test_order_of_seasons_is_not_always_the_order_of_names():
    options = SyntheticOptions()
    ordered = []
    for index in range(40):
        scenes = [scene for _, scene in plan_place(options, NOLDO, index).season_scenes]
        ordered.append(scenes == sorted(scenes))
    assert 5 < sum(ordered) < 35


def test_places_are_apart_from_each_other():
    options = SyntheticOptions()
    boxes = {
        (plan.epsg, plan.origin)
        for stream in (NOLDO, VALIDATION, TEST)
        for plan in (plan_place(options, stream, index) for index in range(600))
    }
    assert len(boxes) == 1800
    eastings = {origin[0] for _, origin in boxes}
    northings = {origin[1] for _, origin in boxes}
    for values in (sorted(eastings), sorted(northings)):
        assert min(b - a for a, b in pairwise(values)) > 5120
    assert min(eastings) > 166_000
    assert max(eastings) < 834_000  # inside a UTM zone
    assert max(northings) < 9_300_000


def test_plan_depends_on_seed_stream_and_index_only():
    few, many = (
        SyntheticOptions(seed=1, locations=3),
        SyntheticOptions(seed=1, locations=9, size=50),
    )
    assert plan_place(few, NOLDO, 2) == plan_place(many, NOLDO, 2)
    assert plan_place(few, NOLDO, 2) != plan_place(SyntheticOptions(seed=2), NOLDO, 2)


def test_files_follow_the_published_names():
    options = SyntheticOptions(locations=2, dfc_train=1, dfc_test=2)
    files = {str(path) for path in data_set_files(options)}
    plan = plan_place(options, NOLDO, 1)
    scene, sar = plan.season_scenes[2][1], plan.sar_scenes[2]
    for name in (
        f'noldo/ssl4eo_s12/s1/0000001/{sar}/VH.tif',
        f'noldo/ssl4eo_s12/s1/0000001/{sar}/metadata.json',
        f'noldo/ssl4eo_s12/s2c/0000001/{scene}/B8A.tif',
        f'noldo/ssl4eo_s12_nol/dw_noisy_labels/0000001/{scene}/label.tif',
        f'noldo/ssl4eo_s12_nol/dw_clean_labels/0000001/{scene}/label.tif',
        'noldo/ssl4eo_s12_nol/dw_complete_ids.csv',
        'dfc2020/ROIs0000_validation/s1_validation/ROIs0000_validation_s1_0_p0.tif',
        'dfc2020/ROIs0000_test/s2_0/ROIs0000_test_s2_0_p1.tif',
        'dfc2020/ROIs0000_test/dfc_0/ROIs0000_test_dfc_0_p1.tif',
    ):
        assert name in files
    assert len(files) == 1 + 2 * 4 * 19 + 3 * 3


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ({'size': 10}, 'size'),
        ({'dfc_size': 3}, 'dfc_size'),
        ({'locations': -1}, 'locations'),
        ({'coding': 'jpeg'}, 'coding'),
        ({'confusion': -0.1}, 'confusion'),
        ({'borders': float('nan')}, 'borders'),
    ],
)
def test_options_out_of_range_are_named(options, named):
    with pytest.raises(ValueError, match=f'^{named} must be'):
        SyntheticOptions(**options)


def test_options_survive_a_record():
    options = SyntheticOptions(seed=4, dfc_size=30, coding='clip8')
    assert SyntheticOptions.from_dict(options.to_dict() | {'unknown': 1}) == options


def test_record_of_a_data_set_from_before_the_aerial_parts_is_understood():
    record = {'seed': 4, 'locations': 7, 'size': 60, 'dfc_train': 1, 'dfc_test': 2}
    record |= {'dfc_size': None, 'coding': 'clip8', 'confusion': 0.5, 'borders': 1.0}
    options = SyntheticOptions.from_dict(record)
    assert options == SyntheticOptions(4, 7, 60, 1, 2, None, 'clip8', 0.5, 1.0)
    assert options.parts == ('sentinel',)
    assert not any(path.parts[0] in ('potsdam', 'loveda') for path in data_set_files(options))


def test_parts_are_checked_and_only_thesis_are_made():
    with pytest.raises(ValueError, match='be some of sentinel, dw, osm, potsdam, loveda'):
        SyntheticOptions(parts=('sentinel', 'moon'))
    with pytest.raises(ValueError, match='parts must be'):
        SyntheticOptions(parts=())
    with pytest.raises(ValueError, match='tile_metres must be'):
        SyntheticOptions(tile_metres=0.0)
    options = SyntheticOptions(parts=['potsdam'], potsdam_train=2, potsdam_test=1)
    assert options.places() == [(3, 0), (3, 1), (4, 0)]
    assert {path.parts[0] for path in data_set_files(options)} == {'potsdam'}
    assert len(data_set_files(options)) == 3 * 10
    full = SyntheticOptions(parts=('loveda',), loveda_train=1156, loveda_val=677, loveda_test=820)
    names = [path.stem for path in data_set_files(full) if path.parent.name == 'images_png']
    assert len(names) == len(set(names)) == 2 * (1156 + 677 + 820)
