import json
from types import SimpleNamespace

import pytest
import torch
from helpers.tiny_segmentation import cross_modal_model, loader
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, DefaultScope
from mmengine.runner import Runner

from mmss_plugins.functional import ramp

TYPE = 'mmss_plugins.CrossModalSelectionHook'
PANELS = 'mmss_plugins.SelectionPanelsHook'
BATCHES = 2  # of an epoch


pytestmark = pytest.mark.usefixtures('quick_epochs')


class Killed(Exception):  # noqa: N818
    """Stands for a killed job."""


class KillHook(Hook):
    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            raise Killed


def run(
    work_dir, kill_at=None, resume=False, iterations=None, model=None, epochs=5, panels=None, **hook
):
    cfg = {'type': 'mmss_plugins.NonEmptyEpochTrainLoop', 'max_epochs': epochs}
    if iterations:
        cfg = {'type': 'IterBasedTrainLoop', 'max_iters': iterations}
    by_epoch = not iterations
    checkpoint = {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': by_epoch}
    runner = Runner(
        model=model or cross_modal_model(selection={}),
        work_dir=str(work_dir),
        train_dataloader=loader(15),
        train_cfg=cfg,
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
        default_hooks={
            'checkpoint': checkpoint,
            'logger': {'type': 'LoggerHook', 'interval': 1},
        },
        custom_hooks=[
            {'type': TYPE, **hook},
            *([{'type': PANELS, **panels}] if panels is not None else []),
        ],
        visualizer={'type': 'Visualizer', 'vis_backends': [{'type': 'LocalVisBackend'}]},
        log_processor={'by_epoch': by_epoch},
        default_scope='mmseg',
        randomness={'seed': 0},
        experiment_name=f'{work_dir.name}_{resume}_{kill_at}',
        resume=resume,
    )
    if kill_at is not None:
        runner.register_hook(KillHook(kill_at))
    try:
        runner.train()
    except Killed:
        pass
    finally:
        DefaultScope._instance_dict.clear()
    return runner


def history(runner, name):
    return runner.message_hub.get_scalar(f'train/{name}').data[0].tolist()


def rows(work_dir):
    (path,) = work_dir.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(('kind', 'by_epoch'), [('exp', True), ('linear', False), ('none', True)])
def test_the_schedule_reaches_model_and_log(tmp_path, kind, by_epoch):
    length = 3 if by_epoch else 3 * BATCHES
    runner = run(tmp_path, ramp=kind, length=length, by_epoch=by_epoch, proportion=0.3)
    steps = [i // BATCHES if by_epoch else i for i in range(5 * BATCHES)]
    expected = [ramp(kind, step, length) for step in steps]
    assert history(runner, 'ramp') == pytest.approx(expected)
    ratios = [1 - 0.7 * value for value in expected]
    assert history(runner, 'ratio') == pytest.approx(ratios)
    logged = [row for row in rows(tmp_path) if 'ratio' in row]
    assert [row['ratio'] for row in logged] == pytest.approx(ratios, abs=1e-4)
    assert logged[-1].keys() >= {
        *(f'{m}.{k}' for m in ('s1', 's2') for k in ('selected', 'label_confidence')),
        *('s1.prediction_confidence', 's2.prediction_confidence', 'empty_classes', 'agreement'),
    }
    assert runner.model.selection.ramp_value == expected[-1]
    if kind == 'exp':  # the more is selected, the less the others count
        selected = history(runner, 's1.selected')
        assert selected[0] > 0.95 > selected[-1] > 0.3


def test_a_resumed_run_continues_exactly(tmp_path):
    names = ('loss', 'ramp', 's1.selected', 's2.prediction_confidence')
    whole = run(tmp_path / 'whole', length=4)
    expected = {name: history(whole, name) for name in names}
    run(tmp_path / 'parts', length=4, kill_at=5)  # in the middle of the third epoch
    resumed = run(tmp_path / 'parts', length=4, resume=True)
    found = {name: history(resumed, name) for name in names}
    for name in names:
        assert found[name] == pytest.approx(expected[name], rel=1e-6), name
    assert len(set(expected['ramp'])) == 5
    assert len(set(expected['loss'])) == 5 * BATCHES


def test_class_weights_are_those_of_the_epoch(tmp_path, monkeypatch):
    reports = []
    record = HOOKS.get(TYPE).after_train_iter

    def after_train_iter(self, runner, *args, **kwargs):
        record(self, runner, *args, **kwargs)
        reports.append(runner.model.selection.report)

    monkeypatch.setattr(HOOKS.get(TYPE), 'after_train_iter', after_train_iter)
    run(tmp_path, epochs=2, length=1, proportion=0.2)
    tables = [row for row in rows(tmp_path) if 'selected/s1/a' in row]
    assert [row['step'] for row in tables] == [1, 2]
    for epoch, row in enumerate(tables):
        first, second = reports[epoch * BATCHES : (epoch + 1) * BATCHES]
        expected = (first.weight + second.weight) / (first.pixels + second.pixels)
        for branch, values in zip(('s1', 's2'), expected, strict=True):
            found = [row[f'selected/{branch}/{name}'] for name in 'abc']
            assert found == pytest.approx(values.tolist(), abs=1e-4)
    assert tables[1]['selected/s1/a'] < 0.9  # fewer than all


@pytest.mark.parametrize('classes', [None, ('a', 'b')])
def test_classes_without_fitting_names_are_numbered(tmp_path, monkeypatch, classes):
    monkeypatch.setattr('helpers.tiny_segmentation.Samples.metainfo', {'classes': classes})
    run(tmp_path, epochs=1)
    (table,) = [row for row in rows(tmp_path) if 'selected/s1/0' in row]
    assert {f'selected/s2/{index}' for index in range(3)} <= set(table)


@pytest.mark.parametrize(
    ('hook', 'expected'),
    [
        ({'panel_interval': 2, 'panel_samples': 1}, ['0_2', '0_4', '0_5']),
        ({'panel_interval': 3}, ['0_3', '0_5', '1_3', '1_5']),
        ({'panel_interval': 0}, []),
        ({'panel_samples': 0}, []),
    ],
)
def test_the_deprecated_panel_options_draw_panels(tmp_path, hook, expected):
    with pytest.warns(DeprecationWarning, match='mmss_plugins.SelectionPanelsHook'):
        run(tmp_path, **hook)
    found = sorted(path.stem for path in tmp_path.rglob('*.png'))
    assert found == [f'selection_{name}' for name in expected]


@pytest.mark.parametrize(
    ('options', 'panels'),
    [
        ({'class_interval': 2}, {'interval': 2, 'samples': 1}),
        ({'panel_interval': 2, 'panel_samples': 1}, None),
        ({'panel_interval': 2, 'panel_samples': 1}, {'interval': 3}),  # one hook draws
    ],
)
def test_iterations_count_where_the_loop_counts_them(tmp_path, options, panels):
    hook = {'ramp': 'linear', 'length': 4, 'by_epoch': False, **options}
    runner = run(tmp_path, iterations=5, panels=panels, **hook)
    assert history(runner, 'ramp') == [0, 0.25, 0.5, 0.75, 1]
    found = sorted(path.stem for path in tmp_path.rglob('*.png'))
    assert found == ['selection_0_2', 'selection_0_4']
    tables = [row['step'] for row in rows(tmp_path) if 'selected/s1/a' in row]
    assert tables == [2, 4, 5]


def test_a_model_without_selection_is_an_error(tmp_path):
    with pytest.raises(TypeError, match='the model has none'):
        run(tmp_path, model=cross_modal_model())


def test_a_ramp_in_epochs_needs_a_loop_with_epochs(tmp_path):
    with pytest.raises(ValueError, match='set by_epoch=False'):
        run(tmp_path, iterations=2)


def test_a_wrapped_model_is_found():
    class Model(torch.nn.Module):
        selection = None

    inner = Model()
    inner.selection = SimpleNamespace(set_schedule=lambda *values: values)
    wrapped = torch.nn.DataParallel(inner)
    runner = SimpleNamespace(model=wrapped, train_loop=None, epoch=0, iter=0)
    hook = HOOKS.build({'type': TYPE})
    hook.before_train(runner)
    hook.before_train_iter(runner, 0)
    HOOKS.build({'type': PANELS, 'interval': 0}).before_train_iter(runner, 0)
    assert inner.selection.keep_samples == 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'ramp': 'cosine'}, "'cosine'"),
        ({'length': -1}, '-1'),
        ({'panel_interval': -1}, '-1'),
        ({'class_interval': -1}, '-1'),
        ({'proportion': 1.5}, r'proportion .* 1\.5'),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        HOOKS.get(TYPE)(**arguments)
