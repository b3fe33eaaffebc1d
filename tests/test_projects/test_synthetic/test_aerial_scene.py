import numpy as np
import pytest

from projects.synthetic.aerial.cars import park_car
from projects.synthetic.aerial.plot import Plot
from projects.synthetic.aerial.roofs import paint_pitched
from projects.synthetic.aerial.scene import Scene
from projects.synthetic.aerial.streets import plan_streets
from projects.synthetic.aerial.surfaces import KIND, SURFACES
from projects.synthetic.aerial.trees import plant_tree


@pytest.fixture
def rng():
    return np.random.default_rng(4)


@pytest.fixture
def scene(rng):
    return Scene(rng, (100, 120), 0.25)


def is_kind(scene, kind):
    return scene.kind == KIND[kind]


def test_view_is_the_plots_rectangle(scene):
    plot = Plot(14.0, 11.0, 0.6, 9.0, 4.0)
    view = scene.view(plot)
    rows, cols = np.indices(scene.shape)
    x, y = (cols + 0.5) * 0.25 - 14, (rows + 0.5) * 0.25 - 11
    along = x * np.cos(0.6) + y * np.sin(0.6)
    across = -x * np.sin(0.6) + y * np.cos(0.6)
    expected = (np.abs(along) <= 4.5) & (np.abs(across) <= 2)
    found = np.zeros(scene.shape, bool)
    found[view.box] = view.inside
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(view.along, along[view.box], atol=1e-4)
    np.testing.assert_allclose(view.across, across[view.box], atol=1e-4)
    assert scene.view(Plot(-20.0, 5.0, 0.0, 10.0, 10.0)) is None


def test_slices_fill_a_plot_without_gaps(rng):
    plot = Plot(3.0, 4.0, 0.3, 50.0, 10.0)
    parts = list(plot.slices(rng, 8, 12))
    assert 4 <= len(parts) <= 6
    assert sum(part.area for part in parts) == pytest.approx(plot.area)
    ends = [plot.point(-25, 0)]
    for part in parts:
        assert part.part(-part.length / 2, 0, 1, 1).x == pytest.approx(ends[-1][0])
        ends.append(part.point(part.length / 2, 0))
    assert ends[-1] == pytest.approx(plot.point(25, 0))


def test_what_is_higher_hides_what_is_lower(scene, rng):
    plot = Plot(15.0, 12.0, 0.0, 8.0, 8.0)
    scene.pave(rng, plot, 'pavement', 'asphalt')
    view = scene.view(plot)
    colour = np.zeros((*view.inside.shape, 4), np.float32)
    scene.put(view.box, view.inside, 'tree', colour, 5.0)
    scene.put(view.box, view.inside, 'car', colour + 1, 1.5)
    assert is_kind(scene, 'tree').sum() == 32 * 32
    assert not is_kind(scene, 'car').any()
    assert scene.height.max() == 5
    assert scene.kind_at(15, 12) == 'pavement'  # below the tree
    scene.put(view.box, view.inside, 'building', colour, 6.0)
    assert scene.kind_at(15, 12) == 'building'
    assert scene.kind_at(-1, 12) is None


def test_pitched_roof_has_its_ridge_in_the_middle(scene, rng):
    paint_pitched(scene, rng, Plot(15, 12, 0.0, 14.0, 8.0), 4.0, 'red tile', slope=0.5)
    height = scene.height[:, 40:80].min(1)  # beside chimneys and dormers
    for row, away in ((48, 0.125), (56, 2.125), (62, 3.625)):  # metres from the ridge
        assert height[row] == pytest.approx(4 + 0.5 * (4 - away), abs=0.3)
        assert height[95 - row] == pytest.approx(height[row], abs=0.3)
    assert is_kind(scene, 'building').mean() == pytest.approx(14 * 8 / 750, rel=0.05)


def test_hip_roof_falls_on_four_sides(scene, rng):
    paint_pitched(scene, rng, Plot(15, 12, 0.0, 16.0, 8.0), 4.0, 'slate', hip=True, slope=0.8)
    assert np.median(scene.height[44:52, 29:31]) == pytest.approx(4 + 0.8 * 0.5, abs=0.25)
    assert np.median(scene.height[44:52, 59:61]) == pytest.approx(4 + 0.8 * 4, abs=0.6)


def test_cars_have_a_cars_size_and_windows(scene, rng):
    park_car(scene, rng, 15, 12, 0.4)
    car = is_kind(scene, 'car')
    assert 5 < car.sum() * 0.25**2 < 12.5
    assert (scene.colour[car][:, :3].max(-1) < 0.05).mean() > 0.08
    assert 0.8 < scene.height[car].max() < 2.4


def test_trees_stand_over_their_ground(scene, rng):
    plant_tree(scene, rng, 15, 12, 4.0, 'broadleaf')
    tree = is_kind(scene, 'tree')
    assert tree.sum() * 0.25**2 == pytest.approx(np.pi * 16, rel=0.25)
    assert scene.height[48, 60] > 5
    assert (scene.ground == KIND['low vegetation']).all()
    bare = Scene(np.random.default_rng(1), (100, 120), 0.25)
    plant_tree(bare, rng, 15, 12, 4.0, 'broadleaf', bare=1.0)
    crown = is_kind(bare, 'tree')
    assert crown.sum() > 500
    assert 0.1 < (bare.height[crown] > 2).mean() < 0.9  # one sees the ground through it


def test_blocks_and_streets_share_out_the_land(rng):
    land = Plot(60, 60, 0.0, 120, 120)
    plan = plan_streets(rng, land, (40, 60), (6, 8), (2, 3))
    scene = Scene(rng, (240, 240), 0.5)
    count = np.zeros(scene.shape, int)
    for plot in plan.blocks:
        if view := scene.view(plot):
            count[view.box] += view.inside
    streets = np.zeros(scene.shape, bool)
    for street in plan.streets:
        if view := scene.view(street.plot):
            streets[view.box] |= view.inside
    assert ((count + streets) <= 1).mean() > 0.995
    assert ((count + streets) >= 1).mean() > 0.995
    for street in plan.streets:  # crossings are where other streets are
        for offset, width in street.crossings:
            x, y = street.plot.point(offset, 0.0)
            if 10 < x < 110 and 10 < y < 110:
                others = [
                    s for s in plan.streets if abs(np.sin(s.plot.angle - street.plot.angle)) > 0.5
                ]
                away = [
                    abs(
                        (x - s.plot.x) * np.sin(s.plot.angle)
                        - (y - s.plot.y) * np.cos(s.plot.angle)
                    )
                    for s in others
                ]
                nearest = others[int(np.argmin(away))]
                assert min(away) < 1e-6
                assert nearest.road == width


def test_surfaces_are_reflectances():
    for surface in SURFACES.values():
        assert all(0 < value < 1 for value in (*surface.colour, *surface.other))
    for name in ('lawn', 'broadleaf', 'full crop', 'conifer'):  # living plants
        red, *_, infrared = SURFACES[name].colour
        assert infrared > 4 * red
