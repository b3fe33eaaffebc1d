"""The validation loss in a run: scheduler, best checkpoint, several ranks."""

import pytest
import torch
from helpers.ranks import run_ranks
from helpers.tiny_segmentation import cross_modal_model, loader
from mmengine.registry import DefaultScope
from mmengine.runner import Runner


def test_scheduler_and_best_checkpoint_follow_it(tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    runner = Runner(
        model=cross_modal_model(test_cfg={'val_loss': True}),
        work_dir=str(tmp_path),
        train_dataloader=loader(15),
        train_cfg={'type': 'EpochBasedTrainLoop', 'max_epochs': 3, 'val_interval': 1},
        val_dataloader=loader(15),
        val_cfg={},
        val_evaluator=[{'type': 'IoUMetric'}, {'type': 'mmss_plugins.ValidationLoss'}],
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1.0e-3}},
        param_scheduler={
            'type': 'ReduceOnPlateauLR',
            'monitor': 'val_loss',
            'rule': 'less',
            'factor': 0.5,
            'patience': 0,
            'threshold': 1e6,  # nothing but the first epoch is ever better
            'threshold_rule': 'abs',
        },
        default_hooks={
            'checkpoint': {
                'type': 'CheckpointHook',
                'save_best': 'val_loss',
                'rule': 'less',
                'interval': -1,
            }
        },
        default_scope='mmseg',
        experiment_name=tmp_path.name,
    )
    runner.train()
    DefaultScope._instance_dict.clear()
    assert runner.optim_wrapper.get_lr()['lr'] == [pytest.approx(0.5e-3)]  # halved once
    history = runner.message_hub.get_scalar('val/val_loss').data[0]
    assert len(history) == 3
    assert runner.message_hub.get_info('best_score') == min(history)
    assert list(tmp_path.glob('best_val_loss_epoch_*.pth'))
    model = runner.model.eval()
    losses = []
    with torch.no_grad():
        for batch in loader(15):
            data = model.data_preprocessor(batch)
            losses += [s.val_loss for s in model(**data, mode='predict')]
    assert history[-1] == pytest.approx(sum(losses) / 4)


RANK_SCRIPT = """
import sys
from torch import distributed
from mmengine.evaluator import Evaluator
from mmseg.structures import SegDataSample
from mmss_plugins.evaluation import ValidationLoss

rank = distributed.get_rank()
metric = Evaluator(ValidationLoss())
# 3 samples on 2 ranks: the sampler repeats one so that each rank has 2
for loss in ((1.0, 2.0), (6.0, 1.0))[rank]:
    metric.process([SegDataSample(metainfo={'val_loss': loss})], {})
with open(f'{sys.argv[1]}/{rank}', 'w') as file:
    file.write(str(metric.evaluate(3)['val_loss']))
distributed.destroy_process_group()
"""


def test_every_rank_gets_the_mean_over_all_samples(tmp_path):
    run_ranks(RANK_SCRIPT, tmp_path)
    assert [(tmp_path / rank).read_text() for rank in '01'] == ['3.0', '3.0']
