from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import HOOKS
from mmengine.structures import PixelData
from mmengine.visualization import Visualizer
from mmseg.structures import SegDataSample

from mmss_plugins.engine.hooks.multi_band_visualization_hook import batch_images

PALETTE = [[10, 20, 30], [200, 100, 50]]


@pytest.fixture
def folder(tmp_path):
    Visualizer._instance_dict.clear()
    Visualizer.get_instance(
        'test', vis_backends=[{'type': 'LocalVisBackend'}], save_dir=str(tmp_path)
    )
    yield tmp_path
    Visualizer._instance_dict.clear()


def run(mode='test', batches=1, channels=15, inputs_of=torch.rand, meta=None, **kwargs):
    hook = HOOKS.build({'type': 'mmss_plugins.MultiBandVisualizationHook', **kwargs})
    dataset = SimpleNamespace(metainfo={'palette': PALETTE})
    loop = SimpleNamespace(dataloader=SimpleNamespace(dataset=dataset))
    # a runner that only tests: asked for its iteration, it would build the train loop
    runner = SimpleNamespace(
        test_loop=loop,
        val_loop=loop,
        _train_loop={'max_epochs': 1},
        visualizer=Visualizer.get_current_instance(),
    )
    hook.before_test_epoch(runner)
    for batch in range(batches):
        inputs, samples = [], []
        for item in range(2):
            label = torch.zeros(1, 16, 16, dtype=torch.long)
            label[:, 8:] = 1
            samples.append(
                SegDataSample(
                    gt_sem_seg=PixelData(data=label),
                    pred_sem_seg=PixelData(data=1 - label),
                    metainfo={'img_path': f'some/store.lmdb/p{batch}{item}', **(meta or {})},
                )
            )
            inputs.append(inputs_of(channels, 16, 16))
        hook._after_iter(runner, batch, {'inputs': inputs}, samples, mode=mode)


def figures(folder):
    return sorted(folder.rglob('*.png'))


@pytest.mark.parametrize('channels', [1, 2, 3, 13, 15])
def test_panels_show_image_label_and_prediction(folder, channels):
    run(draw=True, interval=1, channels=channels)
    paths = figures(folder)
    assert [path.name for path in paths] == [
        'test_store.lmdb_p00_0.png',
        'test_store.lmdb_p01_0.png',
    ]
    figure = cv2.cvtColor(cv2.imread(str(paths[0])), cv2.COLOR_BGR2RGB)
    side = 16 * 14
    assert figure.shape == (side, 3 * side + 2 * 4, 3)
    label, prediction = figure[:, side + 4 : 2 * side + 4], figure[:, 2 * side + 8 :]
    assert label[0, 0].tolist() == prediction[-1, 0].tolist() == PALETTE[0]
    assert label[-1, 0].tolist() == prediction[0, 0].tolist() == PALETTE[1]


def test_images_are_drawn_as_they_were_before_a_flip(folder):
    """Labels and predictions are those of the image before the pipeline."""

    def flipped(*shape):
        image = torch.zeros(shape)
        image[:, :4] = 1
        return image.flip(1)

    run(draw=True, interval=1, channels=3, inputs_of=flipped,
        meta={'flip': True, 'flip_direction': 'vertical'})  # fmt: skip
    figure = cv2.imread(str(figures(folder)[0]))
    assert figure[0, 0].tolist() == [255] * 3
    assert figure[-1, 0].tolist() == [0] * 3


def test_off_by_default_and_never_in_training(folder):
    run()
    run(mode='train', draw=True, interval=1)
    assert figures(folder) == []


def test_interval_and_limit(folder):
    run(draw=True, interval=2, batches=5)
    assert len(figures(folder)) == 4
    for path in figures(folder):
        path.unlink()
    run(draw=True, interval=1, batches=5, max_samples=3)
    assert len(figures(folder)) == 3


def test_small_maps_are_brought_to_the_image(folder):
    from mmss_plugins.engine.hooks.multi_band_visualization_hook import sample_panel

    sample = SegDataSample(pred_sem_seg=PixelData(data=torch.ones(1, 4, 4, dtype=torch.long)))
    figure = sample_panel(np.random.rand(3, 300, 300), sample, PALETTE)
    assert figure.shape == (300, 604, 3)


def view(image, **meta):
    flipped = {'flip': True, 'flip_direction': meta['direction']} if meta else {'flip': False}
    return image, SegDataSample(metainfo=flipped)


def test_views_of_test_time_augmentation_become_images_again():
    first, second = torch.rand(2, 3, 16, 20)
    diagonal = first.flip((1, 2)), second.flip((1, 2))
    unflipped_last = [
        [view(diagonal[0], direction='diagonal'), view(diagonal[1], direction='diagonal')],
        [view(first), view(second)],
    ]
    only_flipped = [
        [view(first.flip(2), direction='horizontal'), view(second.flip(1), direction='vertical')]
    ]
    for views in (unflipped_last, only_flipped):
        batch = {
            'inputs': [tuple(image for image, _ in row) for row in views],
            'data_samples': [tuple(sample for _, sample in row) for row in views],
        }
        found = batch_images(batch, [SegDataSample(), SegDataSample()])
        assert len(found) == 2
        assert torch.equal(found[0], first)
        assert torch.equal(found[1], second)


def test_panels_are_drawn_under_test_time_augmentation(folder):
    hook = HOOKS.build({'type': 'mmss_plugins.MultiBandVisualizationHook', 'draw': True})
    hook.interval = 1
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(dataset=SimpleNamespace(metainfo={'palette': PALETTE}))
    )
    runner = SimpleNamespace(
        test_loop=loop,
        _train_loop={'max_epochs': 1},
        visualizer=Visualizer.get_current_instance(),
    )
    image = torch.rand(3, 16, 16)
    rows = [view(image), view(image.flip(2), direction='horizontal')]
    batch = {'inputs': [(i,) for i, _ in rows], 'data_samples': [(s,) for _, s in rows]}
    answer = SegDataSample(
        pred_sem_seg=PixelData(data=torch.zeros(1, 16, 16, dtype=torch.long)),
        metainfo={'img_path': 'some/store.lmdb/p0'},
    )
    hook._after_iter(runner, 0, batch, [answer], mode='test')
    assert [path.name for path in figures(folder)] == ['test_store.lmdb_p0_0.png']
