import numpy as np
import pytest

from projects.synthetic.aerial.light import Light, illuminate, photograph, sunlit


def tower(height=8.0, size=96):
    ground = np.zeros((size, size), np.float32)
    ground[44:52, 44:52] = height
    return ground


@pytest.mark.parametrize(
    ('azimuth', 'shaded'),
    [(0.0, np.s_[48, :44]), (np.pi, np.s_[48, 52:]), (np.pi / 2, np.s_[:44, 48])],
)
def test_shadow_lies_opposite_the_sun_and_is_as_long_as_its_tangent_says(azimuth, shaded):
    lit = sunlit(tower(8.0), 0.5, azimuth, np.arctan(0.8))  # 10 m, 20 pixels
    assert (lit[shaded] < 0.5).sum() == pytest.approx(20, abs=1)
    beside = np.delete(lit, np.s_[42:54], axis=0 if azimuth in (0.0, np.pi) else 1)
    assert (beside > 0.99).all()
    assert (lit[45:51, 45:51] > 0.99).all()  # the top itself


def test_oblique_shadow_reaches_as_far():
    azimuth = np.deg2rad(30)
    lit = sunlit(tower(8.0), 0.5, azimuth, np.arctan(0.8))
    rows, cols = np.nonzero(lit < 0.5)
    along = -((cols - 47.5) * np.cos(azimuth) + (rows - 47.5) * np.sin(azimuth))
    assert along.max() == pytest.approx(20 + 8 * np.sqrt(0.5), abs=3)
    assert np.degrees(np.arctan2(47.5 - rows.mean(), 47.5 - cols.mean())) == pytest.approx(
        30, abs=4
    )


def light(**values):
    defaults = {
        'azimuth': 0.0,
        'elevation': np.pi / 4,
        'sky': 0.3,
        'haze': 0.0,
        'cast': (1.0,) * 4,
        'exposure': 1.0,
        'gamma': 0.5,
        'saturation': 1.0,
        'blur': 0.3,
        'noise': 0.0,
    }
    return Light(**{**defaults, **values})


def test_slope_toward_the_sun_is_brighter_as_lambert_says():
    cols = np.broadcast_to(np.arange(40, dtype=np.float32), (40, 40))
    # rises to the left of the middle and falls to the right of it, where the sun stands
    roof = 0.5 * (20 - np.abs(cols - 20)) * 0.2
    bright = illuminate(roof.astype(np.float32), 0.2, light())[..., 1]
    sky = 0.3 * 0.98
    for column, slope in ((30, 0.5), (10, -0.5)):
        expected = (1 - sky) * (1 + slope) / np.sqrt(1.25) + sky
        assert bright[20, column] == pytest.approx(expected, abs=0.02)


def test_level_ground_in_the_sun_keeps_its_tone():
    colour = np.full((32, 32, 4), 0.25, np.float32)
    flat = np.zeros((32, 32), np.float32)
    image = photograph(np.random.default_rng(0), colour, flat, 0.2, light())
    assert image.dtype == np.uint8
    assert (image[..., :3] == round(255 * 0.5)).all()
    hazy = photograph(np.random.default_rng(0), colour, flat, 0.2, light(haze=0.1))
    assert (hazy[..., 2].astype(int) - hazy[..., 0] > 2).all()  # the air is blue
    red = photograph(np.random.default_rng(0), colour, flat, 0.2, light(cast=(1.3, 1, 1, 1)))
    assert (red[..., 0] > image[..., 0]).all()
    assert (red[..., 1] == image[..., 1]).all()
