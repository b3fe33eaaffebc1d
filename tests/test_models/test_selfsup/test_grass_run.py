"""MMEngine's Runner with MMPretrain's transforms and 13 bands."""

import numpy as np
import pytest
from helpers.tiny_contrastive import grass_model
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpretrain.datasets import MultiView, PackInputs
from torch.utils.data import Dataset

BANDS = 13


class Patches(Dataset):
    """Numbered patches through ``MultiView`` and ``PackInputs``."""

    transforms = (
        MultiView(transforms=[[{'type': 'RandomFlip', 'prob': 0.5}]], num_views=[2]),
        PackInputs(meta_keys=('sample_id',)),
    )

    def __len__(self):
        return 8

    def __getitem__(self, index):
        image = np.random.default_rng(index).integers(0, 256, (32, 48, BANDS), dtype=np.uint8)
        results = {'img': image, 'sample_id': f'patch{index}'}
        for transform in self.transforms:
            results = transform(results)
        return results


@pytest.mark.parametrize('collate', ['default_collate', 'pseudo_collate'])
def test_trains(tmp_path, collate):
    model = grass_model(BANDS, guide={'scale': 0.5})
    try:
        runner = Runner(
            model=model,
            work_dir=str(tmp_path),
            train_dataloader={
                'batch_size': 4,
                'num_workers': 0,
                'dataset': Patches(),
                'sampler': {'type': 'DefaultSampler', 'shuffle': False},
                'collate_fn': {'type': collate},
            },
            train_cfg={'by_epoch': True, 'max_epochs': 1},
            optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.05}},
            default_hooks={'checkpoint': None, 'logger': {'type': 'LoggerHook', 'interval': 1}},
            default_scope='mmpretrain',
            experiment_name=f'{tmp_path.name}_{collate}',
        )
        runner.model.set_stage(True)
        named = []
        loss = runner.model.loss
        runner.model.loss = lambda inputs, data_samples: (
            named.extend(sample.sample_id for sample in data_samples),
            loss(inputs, data_samples),
        )[1]
        runner.train()
    finally:
        DefaultScope._instance_dict.clear()
    assert named == [f'patch{n}' for n in range(8)]
    for name in ('loss', 'crop_area', 'kept_fraction', 'degenerate_fraction', 'map_entropy'):
        values = runner.message_hub.get_scalar(f'train/{name}').data[0]
        assert len(values) == 2
        assert np.isfinite(values).all()
