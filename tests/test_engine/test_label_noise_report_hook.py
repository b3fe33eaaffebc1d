import json
import logging
import os
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers.store_factory import write_noldo_store
from helpers.tiny_segmentation import cross_modal_model
from helpers.warm_python import warm_python
from mmengine.registry import HOOKS, DefaultScope, init_default_scope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

RANK_SCRIPT = """
import logging, sys
from types import SimpleNamespace
import mmss_plugins
import torch
from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, init_default_scope

init_default_scope('mmseg')
cfg = Config.fromfile(sys.argv[1])
torch.manual_seed(0)
model = MODELS.build(cfg.model)
model.init_weights()
runner = SimpleNamespace(model=model, cfg=cfg, work_dir=sys.argv[2], epoch=1, iter=2,
                         logger=logging.getLogger('test'))
hook = HOOKS.build(dict(type='mmss_plugins.LabelNoiseReportHook', batch_size=1, season=1))
hook.before_train(runner)
hook.after_train(runner)
if torch.distributed.is_initialized():
    torch.distributed.destroy_process_group()
"""


@pytest.fixture
def cfg(tmp_path):
    store = tmp_path / 'noldo.lmdb'
    write_noldo_store(store, ids=[f'{i:07d}' for i in range(5)], clean=True)
    model = cross_modal_model(consistency=None)
    model['decode_head']['num_classes'] = 9
    init_default_scope('mmseg')
    Visualizer._instance_dict.clear()
    yield {
        'model': model,
        'train_dataloader': {
            'batch_size': 2,
            'num_workers': 0,
            'drop_last': True,
            'sampler': {'type': 'mmss_plugins.EpochSeededSampler', 'shuffle': True},
            'dataset': {
                'type': 'mmss_plugins.NoLDOPretrainDataset',
                'data_root': str(store),
                'image_dtype': 'uint8',
                'pipeline': [{'type': 'mmss_plugins.PackCrossModalInputs'}],
            },
        },
    }
    DefaultScope._instance_dict.clear()
    Visualizer._instance_dict.clear()


def train(cfg, folder, hooks):
    Visualizer._instance_dict.clear()
    runner = Runner(
        **cfg,
        work_dir=str(folder),
        experiment_name=folder.name,
        train_cfg={'by_epoch': True, 'max_epochs': 2},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[{'type': 'mmss_plugins.IterationSeedHook'}, *hooks],
        default_hooks={'checkpoint': None},
        randomness={'seed': 0},
        default_scope='mmseg',
        cfg={**cfg, 'work_dir': str(folder)},
    )
    runner.train()
    return runner


def content(path):
    return json.loads((path / 'report.json').read_text())


def test_reports_at_the_end_and_while_training_and_changes_no_training(cfg, tmp_path):
    hook = {'type': 'mmss_plugins.LabelNoiseReportHook', 'interval': 1, 'max_samples': 3}
    with_hook = train(cfg, tmp_path / 'with', [hook])
    without = train(cfg, tmp_path / 'without', [])
    state = without.model.state_dict()
    for name, tensor in with_hook.model.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    folder = tmp_path / 'with' / 'label_noise'
    assert content(folder)['settings']['samples'] == 3
    assert content(folder)['settings']['batch size'] == 2
    assert (folder / 'report.png').is_file()
    # the last epoch's is the final one; the first epoch's weights were others
    first, second, last = content(folder / 'epoch_1'), content(folder / 'epoch_2'), content(folder)
    assert second['branches'] == last['branches'] != first['branches']
    assert first['rows'][-1] == 'all'
    assert 'transition' in last
    assert not (tmp_path / 'without' / 'label_noise').exists()


def test_only_at_the_end_by_default(cfg, tmp_path):
    train(cfg, tmp_path / 'run', [{'type': 'mmss_plugins.LabelNoiseReportHook'}])
    folder = tmp_path / 'run' / 'label_noise'
    assert sorted(path.name for path in folder.iterdir()) == [
        'report.json',
        'report.md',
        'report.png',
    ]


def test_processes_share_the_samples(cfg, tmp_path):
    config, script = tmp_path / 'config.py', tmp_path / 'rank.py'
    config.write_text('\n'.join(f'{name} = {value!r}' for name, value in cfg.items()))
    script.write_text(RANK_SCRIPT)
    python, ranks = warm_python(), ['-m', 'torch.distributed.run', '--nproc_per_node=2']
    environment = {**os.environ, 'PYTHON_EXEC': python}  # what torchrun starts the ranks with
    for name, launch in (('alone', []), ('both', [*ranks, '--standalone'])):
        command = [python, *launch, str(script), str(config), str(tmp_path / name)]
        run = subprocess.run(command, timeout=200, capture_output=True, text=True, env=environment)
        assert run.returncode == 0, run.stderr
    alone, both = (content(tmp_path / name / 'label_noise') for name in ('alone', 'both'))
    assert both['settings']['samples'] == 5
    assert both['pixels'] == alone['pixels']
    assert both['transition'] == alone['transition']
    for name, branch in alone['branches'].items():
        for key, values in branch.items():
            if key == 'histogram':
                assert both['branches'][name][key] == values
            else:
                np.testing.assert_allclose(
                    np.array(both['branches'][name][key], float),
                    np.array(values, float),
                    atol=2e-6,
                )


def test_mistakes_are_errors_before_training(cfg):
    hook = HOOKS.build({'type': 'mmss_plugins.LabelNoiseReportHook'})
    model = SimpleNamespace(backbones={})
    logger = logging.getLogger('test')
    with pytest.raises(TypeError, match='the config has none'):
        hook.before_train(SimpleNamespace(model=model, cfg={}, logger=logger))
    with pytest.raises(TypeError, match='one backbone per modality'):
        hook.before_train(SimpleNamespace(model=torch.nn.Linear(1, 1), cfg=cfg, logger=logger))
    other = {'train_dataloader': {'batch_size': 1, 'dataset': {'type': 'ADE20KDataset'}}}
    with pytest.raises(TypeError, match='reads a data set over a store'):
        hook.before_train(SimpleNamespace(model=model, cfg=other, logger=logger))


@pytest.mark.parametrize('kwargs', [{'max_samples': 0}, {'batch_size': -1}])
def test_bad_arguments(kwargs):
    with pytest.raises(ValueError, match='must be 1 or more, or None'):
        HOOKS.build({'type': 'mmss_plugins.LabelNoiseReportHook', **kwargs})
