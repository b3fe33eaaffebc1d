import numpy as np

from projects.synthetic import sar

WINTER, SPRING, SUMMER, AUTUMN = range(4)


def mean_backscatter(place, season, repeats=12):
    images = [sar.observe(place, season, np.random.default_rng(i), i) for i in range(repeats)]
    assert images[0].dtype == np.float32
    return np.mean(images, axis=(0, 2, 3))


def test_built_up_is_brightest_and_water_darkest(plain_place):
    roofs, wood, meadow, water = (
        mean_backscatter(plain_place(name), SUMMER)
        for name in ('tile roof', 'broadleaf wood', 'meadow', 'water')
    )
    assert roofs[0] > wood[0] + 1.5
    assert wood[0] > meadow[0] + 1.5
    assert (meadow > water + 3).all()
    assert wood[1] > meadow[1] + 3  # volume scattering


def test_cross_polarised_is_weaker(plain_place):
    for name in ('water', 'maize', 'rock', 'snow', 'garden'):
        vv, vh = mean_backscatter(plain_place(name), SPRING, 3)
        assert 3 < vv - vh < 12


def test_maize_grows_into_a_volume_scatterer(plain_place):
    maize = plain_place('maize')
    assert mean_backscatter(maize, SUMMER)[1] > mean_backscatter(maize, WINTER)[1] + 2.5


def test_speckle_has_the_looks_of_detected_products():
    speckle = sar._speckle(np.random.default_rng(0), (400, 400))
    assert abs(speckle.mean() - 1) < 0.01
    looks = 1 / speckle.var()  # gamma distributed intensity of mean 1
    assert 3.5 < looks < 8
    flat = speckle - speckle.mean()
    neighbour = (flat[:, 1:] * flat[:, :-1]).mean() / flat.var()
    distant = (flat[:, 5:] * flat[:, :-5]).mean() / flat.var()
    assert 0.1 < neighbour < 0.6
    assert abs(distant) < 0.03


def test_speckle_is_new_in_every_acquisition_and_channel(plain_place):
    place = plain_place('meadow')
    first = sar.observe(place, SUMMER, np.random.default_rng(1), 7)
    second = sar.observe(place, SUMMER, np.random.default_rng(2), 7)
    assert np.corrcoef(first[0].ravel(), second[0].ravel())[0, 1] < 0.5
    assert np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1] < 0.5
