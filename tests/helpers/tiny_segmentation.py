"""A tiny cross-modal model and seeded samples, for tests that run MMEngine's Runner."""

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader, Dataset

SIZE = 32
CLASSES = 3


class Samples(Dataset):
    """Four samples of noise with labels of noise."""

    metainfo = {'classes': ('a', 'b', 'c')}

    def __init__(self, bands):
        self.bands = bands

    def __len__(self):
        return 4

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        label = torch.randint(0, CLASSES, (1, SIZE, SIZE), generator=generator)
        return {
            'inputs': torch.randn(self.bands, SIZE, SIZE, generator=generator),
            'data_samples': SegDataSample(
                metainfo={'img_shape': (SIZE, SIZE), 'ori_shape': (SIZE, SIZE)},
                gt_sem_seg=PixelData(data=label),
            ),
        }


def loader(bands):
    """Batches of two, in order."""
    return DataLoader(Samples(bands), batch_size=2, collate_fn=_collate)


def _collate(samples):
    return {key: [sample[key] for sample in samples] for key in samples[0]}


def cross_modal_model(**kwargs):
    """Config of a segmentor for 2 + 13 bands, ResNet-18 with 4 base channels."""
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
    return {
        'type': 'mmss_plugins.CrossModalSegmentor',
        'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
        'backbones': {'s1': {**backbone, 'in_channels': 2}, 's2': {**backbone, 'in_channels': 13}},
        'decode_head': {
            'type': 'mmss_plugins.UNetHead',
            'in_channels': (64, 4, 8, 16, 32),
            'decoder_channels': (4, 4, 4, 4, 4),
            'num_classes': CLASSES,
        },
        'consistency': {'type': 'mmss_plugins.ConsistencyLoss'},
        **kwargs,
    }
