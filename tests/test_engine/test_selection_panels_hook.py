import cv2
import pytest
import torch
from helpers.tiny_segmentation import cross_modal_model, loader
from mmengine.registry import HOOKS, DefaultScope
from mmengine.runner import Runner

PANELS = 'mmss_plugins.SelectionPanelsHook'

pytestmark = pytest.mark.usefixtures('quick_epochs')


def run(work_dir, epochs=5, selection=True, panels=None):
    selector = {'type': 'mmss_plugins.CrossModalSelectionHook', 'length': 3}
    runner = Runner(
        model=cross_modal_model(selection={}) if selection else cross_modal_model(),
        work_dir=str(work_dir),
        train_dataloader=loader(15),
        train_cfg={'type': 'mmss_plugins.NonEmptyEpochTrainLoop', 'max_epochs': epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.05}},
        default_hooks={'selection_panels': {'type': PANELS, **panels}} if panels else {},
        custom_hooks=[selector] if selection else [],
        visualizer={'type': 'Visualizer', 'vis_backends': [{'type': 'LocalVisBackend'}]},
        default_scope='mmseg',
        randomness={'seed': 0},
        experiment_name=work_dir.name,
    )
    try:
        runner.train()
    finally:
        DefaultScope._instance_dict.clear()
    return runner


def names(work_dir):
    return sorted(path.stem.removeprefix('selection_') for path in work_dir.rglob('*.png'))


@pytest.mark.parametrize(
    ('panels', 'expected'),
    [
        ({'interval': 2, 'samples': 1}, ['0_2', '0_4', '0_5']),
        ({'interval': 3}, ['0_3', '0_5', '1_3', '1_5']),
        ({'interval': 0}, []),
        ({'samples': 0}, []),
    ],
)
def test_panels_of_every_few_epochs_and_the_last(tmp_path, panels, expected):
    run(tmp_path, panels=panels)
    assert names(tmp_path) == expected


def test_without_the_hook_there_are_no_panels(tmp_path):
    run(tmp_path, epochs=1)
    assert names(tmp_path) == []


def test_a_model_without_selection_has_no_panels(tmp_path):
    run(tmp_path, epochs=1, selection=False, panels={'interval': 1})
    assert names(tmp_path) == []


def test_a_panel_shows_the_sample_without_its_padding(tmp_path):
    hook = HOOKS.build({'type': PANELS, 'samples': 1})
    runner = run(tmp_path, epochs=1)
    logits = {name: torch.zeros(2, 3, 48, 40) for name in ('s1', 's2')}
    selection = runner.model.selection
    selection.keep_samples = 1
    labels = torch.zeros(2, 48, 40, dtype=torch.long)
    selection.weights(logits, labels, ('s1', 's2'), 255)
    hook._draw(runner, selection, next(iter(loader(15))))
    (path,) = tmp_path.rglob('*.png')
    figure = cv2.imread(str(path))
    height = (32 * 5 + 18) * 3  # a row of images and two of maps, enlarged five times
    assert figure.shape[0] == height


@pytest.mark.parametrize('arguments', [{'interval': -1}, {'samples': -1}])
def test_negative_arguments_are_errors(arguments):
    with pytest.raises(ValueError, match='-1'):
        HOOKS.get(PANELS)(**arguments)
