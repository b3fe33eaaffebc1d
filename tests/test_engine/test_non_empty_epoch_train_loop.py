"""A loader without batches stops a run before anything else is built for it."""

import pytest
from helpers.store_factory import write_dfc_store
from helpers.tiny_segmentation import cross_modal_model
from mmengine.runner import Runner

pytestmark = pytest.mark.usefixtures('quick_runs')


def make_runner(tmp_path, schedulers, **loader):
    write_dfc_store(tmp_path / 'dfc.lmdb')  # four patches
    head = {
        'type': 'mmss_plugins.UNetHead',
        'in_channels': (64, 4, 8, 16, 32),
        'decoder_channels': (4, 4, 4, 4, 4),
        'num_classes': 8,
    }
    return Runner(
        model=cross_modal_model(decode_head=head),
        work_dir=str(tmp_path),
        train_dataloader={
            'num_workers': 0,
            'sampler': {'type': 'mmss_plugins.EpochSeededSampler', 'shuffle': True},
            'dataset': {
                'type': 'mmss_plugins.DFC2020Dataset',
                'data_root': str(tmp_path / 'dfc.lmdb'),
                'modality': 's12',
                'pipeline': [{'type': 'PackSegInputs'}],
            },
            **loader,
        },
        train_cfg={'type': 'mmss_plugins.NonEmptyEpochTrainLoop', 'max_epochs': 1},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1.0e-3}},
        param_scheduler=schedulers,
        default_scope='mmseg',
        experiment_name=tmp_path.name,
    )


COSINE = {
    'type': 'CosineAnnealingLR',
    'T_max': 1,
    'by_epoch': True,
    'convert_to_iter_based': True,
}


@pytest.mark.parametrize('schedulers', [None, [COSINE]])
def test_fewer_samples_than_a_batch(tmp_path, schedulers):
    runner = make_runner(tmp_path, schedulers, batch_size=5, drop_last=True)
    with pytest.raises(ValueError, match=r'4 samples with batch_size=5 and drop_last=True\. Use'):
        runner.train()
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize(('batch_size', 'drop_last'), [(4, True), (5, False)])
def test_one_batch_is_enough(tmp_path, batch_size, drop_last):
    runner = make_runner(tmp_path, [COSINE], batch_size=batch_size, drop_last=drop_last)
    runner.train()
    assert runner.iter == 1


def test_the_message_tells_the_share_of_a_rank(monkeypatch):
    from torch.utils.data import DataLoader

    from mmss_plugins.engine.loops import non_empty_epoch_train_loop as module

    monkeypatch.setattr(module, 'get_world_size', lambda: 2)
    loader = DataLoader(range(6), batch_size=4, drop_last=True, sampler=range(3))
    with pytest.raises(ValueError, match=r'6 samples \(3 on each of 2 ranks\) with batch_size=4'):
        module.require_batches(loader)
