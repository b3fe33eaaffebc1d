import math

import pytest

from mmss_plugins.functional import RAMP_KINDS, ramp


@pytest.mark.parametrize('length', [1, 7, 80])
def test_equals_definition(length):
    for step in range(2 * length):
        done = min(step / length, 1)
        assert ramp('linear', step, length) == pytest.approx(done)
        assert ramp('exp', step, length) == pytest.approx(math.exp(-5 * (1 - done) ** 2))
        assert ramp('none', step, length) == 1


@pytest.mark.parametrize('kind', RAMP_KINDS)
def test_is_exactly_one_from_the_length_on_and_without_one(kind):
    assert ramp(kind, 80, 80) == 1
    assert ramp(kind, 1000, 80) == 1
    assert ramp(kind, 0, 0) == 1


def test_takes_parts_of_epochs():
    assert ramp('linear', 2.5, 10) == 0.25


def test_unknown_kinds_and_negative_numbers_are_errors():
    with pytest.raises(ValueError, match=r"\('exp', 'linear', 'none'\).*'cosine'"):
        ramp('cosine', 1, 2)
    with pytest.raises(ValueError, match='-1'):
        ramp('exp', -1, 2)
    with pytest.raises(ValueError, match='-2'):
        ramp('none', 1, -2)
