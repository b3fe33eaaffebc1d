"""Evaluation of batches whose samples differ in size, through Runner, model and metrics."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.tiny_segmentation import CLASSES, cross_modal_model
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader, Dataset

SIZES = [(32, 40), (48, 32), (40, 40)]
BANDS = 15


class MixedSizes(Dataset):
    """One sample per size; a corner of each label is ignored."""

    metainfo = {'classes': ('a', 'b', 'c')}

    def __len__(self):
        return len(SIZES)

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        size = SIZES[index]
        label = torch.randint(0, CLASSES, (1, *size), generator=generator)
        label[0, :5, :7] = 255
        sample = SegDataSample(
            metainfo={'img_shape': size, 'ori_shape': size}, gt_sem_seg=PixelData(data=label)
        )
        return {'inputs': torch.randn(BANDS, *size, generator=generator), 'data_samples': sample}


def collate(samples):
    return {key: [sample[key] for sample in samples] for key in samples[0]}


def padded_inputs():
    height, width = (max(size[axis] for size in SIZES) for axis in (0, 1))
    return torch.stack(
        [
            F.pad(s['inputs'], (0, width - s['inputs'].shape[2], 0, height - s['inputs'].shape[1]))
            for s in map(MixedSizes().__getitem__, range(len(SIZES)))
        ]
    )


STOCK = ConfigDict(
    {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
        'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'in_channels': BANDS},
        'decode_head': {
            'type': 'PSPHead',
            'in_channels': 32,
            'in_index': 3,
            'channels': 4,
            'num_classes': CLASSES,
            'align_corners': False,
        },
        'test_cfg': {'mode': 'whole'},
    }
)
OURS = cross_modal_model(
    losses=[{'type': 'mmss_plugins.SoftCrossEntropyLoss'}],
    consistency=None,
    test_cfg={'val_loss': True},
)


def evaluate(work_dir, monkeypatch, model, metrics):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    torch.manual_seed(0)
    runner = Runner(
        model=model,
        work_dir=str(work_dir),
        test_dataloader=DataLoader(MixedSizes(), batch_size=3, collate_fn=collate),
        test_cfg={},
        test_evaluator=[{'type': name} for name in metrics],
        default_scope='mmseg',
        experiment_name=work_dir.name,
    )
    scores = runner.test()
    DefaultScope._instance_dict.clear()
    return runner.model.eval(), scores


def labels():
    return [MixedSizes()[i]['data_samples'].gt_sem_seg.data[0] for i in range(len(SIZES))]


def accuracy(maps):
    valid = [label.numpy() != 255 for label in labels()]
    right = [m == label.numpy() for m, label in zip(maps, labels(), strict=True)]
    correct = sum((r & v).sum() for r, v in zip(right, valid, strict=True))
    return 100 * correct / sum(v.sum() for v in valid)


@pytest.mark.parametrize('model', [STOCK, OURS], ids=['EncoderDecoder', 'CrossModalSegmentor'])
def test_scores_are_those_of_the_parts_that_are_image(tmp_path, monkeypatch, model):
    metrics = ['IoUMetric'] + ['mmss_plugins.ValidationLoss'] * (model is OURS)
    built, scores = evaluate(tmp_path, monkeypatch, model, metrics)
    with torch.no_grad():
        logits = built.encode_decode(
            padded_inputs(), [{'img_shape': (48, 40), 'pad_shape': (48, 40)}]
        )
    maps = [item.argmax(0)[:h, :w].numpy() for item, (h, w) in zip(logits, SIZES, strict=True)]
    assert scores['aAcc'] == pytest.approx(accuracy(maps), abs=0.01)
    predicted = built.test_step(collate([MixedSizes()[i] for i in range(len(SIZES))]))
    for sample, expected, label in zip(predicted, maps, labels(), strict=True):
        np.testing.assert_array_equal(sample.pred_sem_seg.data[0].numpy(), expected)
        assert torch.equal(sample.gt_sem_seg.data[0], label)


def test_validation_loss_counts_each_pixel_once(tmp_path, monkeypatch):
    built, scores = evaluate(tmp_path, monkeypatch, OURS, ['mmss_plugins.ValidationLoss'])
    with torch.no_grad():
        logits = built._forward(padded_inputs())
    expected = 0.0
    for each in logits.values():
        pixels = [item[:, :h, :w].flatten(1) for item, (h, w) in zip(each, SIZES, strict=True)]
        targets = torch.cat([label.flatten() for label in labels()])
        expected += F.cross_entropy(torch.cat(pixels, 1).T, targets, ignore_index=255).item()
    assert scores['val_loss'] == pytest.approx(expected, rel=1e-5)
