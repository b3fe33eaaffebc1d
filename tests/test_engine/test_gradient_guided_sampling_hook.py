import logging
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from helpers.tiny_contrastive import BATCHES, grass_model, history, log_of, rows, train
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

TYPE = 'mmss_plugins.GradientGuidedSamplingHook'


pytestmark = pytest.mark.usefixtures('quick_epochs')


class RecordHook(Hook):
    """What the stage was in every iteration, and whether the model was asked for details."""

    priority = 'LOWEST'

    def __init__(self):
        self.stages, self.kept = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.stages.append(bool(runner.model.guided))
        self.kept.append(runner.model.keep_details)


def run(work_dir, hooks=(), model=None, epochs=4, iterations=None, kill_at=None, resume=False, **k):
    hooks = [{'type': TYPE, **k}, *hooks]
    return train(work_dir, hooks, epochs, iterations, kill_at, model, resume)


@pytest.mark.parametrize(
    ('hook', 'iterations', 'expected'),
    [
        ({'begin': 2}, None, [False] * 4 + [True] * 4),
        ({'begin': 3, 'by_epoch': False}, None, [False] * 3 + [True] * 5),
        ({'begin': 3, 'by_epoch': False}, 5, [False] * 3 + [True] * 2),
        ({'begin': 0}, None, [True] * 8),
        ({'begin': 4}, None, [False] * 8),
    ],
)
def test_sampling_begins_at_the_set_position(tmp_path, hook, iterations, expected):
    record = RecordHook()
    run(tmp_path, [record], iterations=iterations, panel_interval=None, **hook)
    assert record.stages == expected
    assert not any(record.kept)
    areas = [row.get('crop_area') for row in rows(tmp_path)]
    assert [area is not None for area in areas] == expected  # the monitors are in the log
    assert all(0 < area <= 1 for area in areas if area is not None)


def test_the_change_is_logged_once(tmp_path):
    run(tmp_path, begin=2)
    lines = [line for line in log_of(tmp_path).splitlines() if 'gradient-guided sampling o' in line]
    assert [line.rpartition(' - ')[2] for line in lines] == [
        'epoch 0: gradient-guided sampling off',
        'epoch 2: gradient-guided sampling on',
    ]


@pytest.mark.parametrize('stage_a', [True, False])
def test_a_resumed_run_continues_exactly(tmp_path, stage_a):
    kill_at = 2 * BATCHES + 1 if stage_a else 3 * BATCHES + 1
    begin = {'begin': 3} if stage_a else {'begin': 3, 'by_epoch': False}  # in an epoch's middle
    whole = run(tmp_path / 'whole', **begin)
    run(tmp_path / 'parts', kill_at=kill_at, **begin)
    record = RecordHook()
    resumed = run(tmp_path / 'parts', [record], resume=True, **begin)
    expected = [False, False, True, True] if stage_a else [True, True]
    assert record.stages == expected
    assert history(resumed, 'train/loss') == history(whole, 'train/loss')
    assert history(resumed, 'train/crop_area') == history(whole, 'train/crop_area')
    assert len(set(history(whole, 'train/loss'))) == 4 * BATCHES
    weights = whole.model.state_dict()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_the_schedule_counts_and_not_the_checkpoint(tmp_path):
    run(tmp_path, begin=1, epochs=2)
    record = RecordHook()
    run(tmp_path, [record], begin=3, epochs=4, resume=True)  # saved as guided
    assert record.stages == [False, False, True, True]


@pytest.mark.parametrize(
    ('hook', 'expected'),
    [
        ({'panel_interval': 2, 'panel_samples': 1}, ['0_2', '0_4', '0_5']),
        ({'panel_interval': 3, 'panel_samples': 2}, ['0_3', '0_5', '1_3', '1_5']),
        ({'panel_interval': 1, 'panel_samples': 1, 'begin': 3}, ['0_4', '0_5']),
        ({'panel_interval': None}, []),
        ({'panel_samples': 0}, []),
        ({'panel_interval': 1, 'begin': 9}, []),
    ],
)
def test_panels_of_every_few_epochs_and_the_last(tmp_path, hook, expected):
    run(tmp_path, epochs=5, **{'begin': 0, **hook})
    found = sorted(path.stem for path in tmp_path.rglob('*.png'))
    assert found == [f'guided_{name}' for name in expected]


def test_panels_in_loops_that_count_iterations(tmp_path):
    run(tmp_path, iterations=5, begin=3, by_epoch=False, panel_interval=2, panel_samples=9)
    found = sorted(path.stem for path in tmp_path.rglob('*.png'))
    assert found == [f'guided_{index}_4' for index in range(4)]  # there are no more images


def test_panels_change_nothing(tmp_path):
    without = run(tmp_path / 'a', begin=1, panel_interval=None)
    panels = run(tmp_path / 'b', begin=1, panel_interval=1)
    assert history(without, 'train/loss') == history(panels, 'train/loss')


def test_details_are_asked_for_where_they_are_drawn_only(tmp_path):
    record = RecordHook()
    runner = run(tmp_path, [record], begin=2, panel_interval=1, panel_samples=1)
    assert record.kept == [i in (5, 7) for i in range(8)]
    assert not runner.model.keep_details


@pytest.mark.parametrize('bands', [3, 5])
def test_a_panel_shows_what_the_model_did(tmp_path, monkeypatch, bands):
    drawn = []

    def guided_row(view, heatmap, box, crop, channels, name):
        drawn.append((view, heatmap, box, crop, channels, name))
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(
        'mmss_plugins.engine.hooks.gradient_guided_sampling_hook.guided_row', guided_row
    )
    runner = run(tmp_path, model=grass_model(bands), epochs=1, begin=0, panel_samples=2)
    details = runner.model.details
    assert [row[-1] for row in drawn] == ['view 1', 'view 2'] * 2
    order = [0, 4, 1, 5]  # the second views come after all first ones
    for index, (view, heatmap, box, crop, channels, _) in zip(order, drawn, strict=True):
        assert box == details.boxes[index].tolist()
        np.testing.assert_allclose(view, details.views[index] * 20 + 100, rtol=1e-5)
        np.testing.assert_allclose(crop, details.crops[index] * 20 + 100, rtol=1e-5)
        assert view.shape == (bands, 32, 32)
        assert heatmap.shape == (32, 32)
        assert heatmap.max() <= 1
        row, col = np.unravel_index(heatmap.argmax(), heatmap.shape)
        assert box[0] <= row < box[2]
        assert box[1] <= col < box[3]
        assert channels is None
    written = [cv2.imread(str(path)).shape for path in tmp_path.rglob('*.png')]
    assert written == [(8, 4, 3)] * 2


def test_a_begin_behind_the_end_is_logged(tmp_path):
    run(tmp_path / 'behind', begin=1, epochs=1)
    assert 'WARNING - gradient-guided sampling begins at epoch 1' in log_of(tmp_path / 'behind')
    run(tmp_path / 'before', begin=0, epochs=1)
    assert 'sampling begins at' not in log_of(tmp_path / 'before')


def test_a_model_without_stages_is_an_error():
    model = torch.nn.Linear(1, 1)
    runner = SimpleNamespace(model=model, train_loop=None, logger=logging.getLogger('test'))
    with pytest.raises(TypeError, match=r'mmss_plugins\.GraSS, but the model is Linear'):
        HOOKS.build({'type': TYPE}).before_train(runner)


def test_an_epoch_needs_a_loop_with_epochs(tmp_path):
    with pytest.raises(ValueError, match='set by_epoch=False'):
        run(tmp_path, iterations=2)


def test_a_wrapped_model_is_found():
    class Model(torch.nn.Module):
        keep_details = False
        set_to = None

        def set_stage(self, guided):
            self.set_to = guided

    inner = Model()
    logger = logging.getLogger('test')
    loop = SimpleNamespace(max_epochs=5)
    runner = SimpleNamespace(
        model=torch.nn.DataParallel(inner), train_loop=loop, epoch=3, iter=9, logger=logger
    )
    hook = HOOKS.build({'type': TYPE, 'begin': 3, 'panel_interval': None})
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    assert inner.set_to is True


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'begin': -1}, 'but got -1'),
        ({'begin': 2.5}, r'but got 2\.5'),
        ({'begin': None}, 'but got None'),
        ({'begin': True}, 'but got True'),
        ({'panel_interval': -1}, 'but got -1 and 4'),
        ({'panel_samples': -2}, 'but got 10 and -2'),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        HOOKS.get(TYPE)(**arguments)
