import pytest

from mmss_plugins.bands import (
    S1,
    S2,
    S2_L2A,
    band_wavelengths,
    resolve_bands,
    sensor_of,
    sensor_statistics,
)


def test_tables_are_aligned():
    for sensor in (S1, S2, S2_L2A):
        assert len(sensor.bands) == len(sensor.wavelengths) == len(sensor.mean) == len(sensor.std)
        assert len(sensor.resolutions) == len(sensor.bands)
    assert list(S2.wavelengths) == sorted(S2.wavelengths)
    assert S2.mean[S2.bands.index('B10')] < 100  # cirrus is nearly dark


def test_resolutions_are_those_of_the_instrument():
    by_metres = {metres: [] for metres in (10, 20, 60)}
    for band, metres in zip(S2.bands, S2.resolutions, strict=True):
        by_metres[metres].append(band)
    assert by_metres[10] == ['B2', 'B3', 'B4', 'B8']
    assert by_metres[60] == ['B1', 'B9', 'B10']
    assert set(S1.resolutions) == {10}


@pytest.mark.parametrize(
    ('spec', 'names'),
    [
        (3, 'B4 B3 B2'),
        (9, 'B2 B3 B4 B5 B6 B7 B8 B11 B12'),
        ('rgb9', 'B4 B3 B2 B5 B6 B7 B8 B11 B12'),
        (10, 'B2 B3 B4 B5 B6 B7 B8 B8A B11 B12'),
        (12, 'B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B11 B12'),
        (13, 'B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12'),
        (('B8', 'B4'), 'B8 B4'),
        ((7, 3), 'B8 B4'),
        (None, 'B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12'),
    ],
)
def test_band_sets_name_the_right_bands(spec, names):
    assert [S2.bands[i] for i in resolve_bands(spec, S2.bands, S2)] == names.split()


def test_named_sets_follow_the_stored_order():
    stored = ('B4', 'B2', 'B3')
    assert resolve_bands(3, stored, S2) == (0, 2, 1)


@pytest.mark.parametrize(
    ('spec', 'message'),
    [
        (7, 'unknown s2 band set 7'),
        ('rgb', "unknown s2 band set 'rgb'"),
        ((), 'empty'),
        ((1, 1), 'twice'),
        (('B4', 3), 'twice'),
        ((13,), 'out of range'),
        ((-1,), 'out of range'),
        ((True,), 'out of range'),
        (('B99',), "'B99' is not there"),
    ],
)
def test_bad_choices_are_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        resolve_bands(spec, S2.bands, S2)


def test_a_set_needs_its_bands():
    with pytest.raises(ValueError, match=r"'B4' is not there: the data hold \['B1'\]"):
        resolve_bands(3, ('B1',), S2)


def test_statistics_follow_the_bands():
    mean, std = sensor_statistics(S2, ('B12', 'B1'))
    assert mean == (1524.06546312, 1605.57504906)
    assert std == (1136.53823676, 786.78685367)


def test_wavelengths_follow_the_channels():
    assert band_wavelengths('s2:3') == (0.665, 0.560, 0.490)
    assert band_wavelengths('s1:2+s2:rgb9') == (
        3.75, 3.75, 0.665, 0.560, 0.490, 0.705, 0.740, 0.783, 0.842, 1.610, 2.190,
    )  # fmt: skip
    assert band_wavelengths(['VH', 'B8A', 0.6]) == (3.75, 0.865, 0.6)


@pytest.mark.parametrize(
    ('spec', 'message'),
    [('s2', 'sensor:set'), ('s3:2', 'unknown band set'), ('s2:7', 'unknown s2 band set'),
     (['B99'], "'B99'"), ([0.0], 'greater than 0'), ([True], 'True'), ([], 'empty')],
)  # fmt: skip
def test_unknown_wavelengths_are_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        band_wavelengths(spec)


def test_l2a_has_no_cirrus_band_and_statistics_of_its_own():
    assert S2_L2A.bands == tuple(band for band in S2.bands if band != 'B10')
    for spec, indices in S2_L2A.subsets.items():
        names = [S2_L2A.bands[index] for index in indices]
        assert names == [S2.bands[index] for index in S2.subsets[spec]]
    assert 13 not in S2_L2A.subsets
    mean, std = sensor_statistics(S2_L2A, ['B1', 'B11', 'B12'])
    assert mean == (752.40087073, 2368.51236873, 1805.06846033)
    assert std == (1108.02887453, 1455.52084939, 1343.48379601)


def test_the_unit_tells_the_processing_level():
    assert sensor_of('s2', 'reflectance x 10000') is S2
    assert sensor_of('s2', 'surface reflectance x 10000') is S2_L2A
    assert sensor_of('s1', 'dB') is S1
    with pytest.raises(ValueError, match="s1 in 'linear power': expected one of"):
        sensor_of('s1', 'linear power')
