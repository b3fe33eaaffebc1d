"""Runs stop at values that are not finite, and say where they come from."""

import math

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS, DefaultScope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import DataLoader, Dataset

import mmss_plugins.engine  # noqa: F401
from mmss_plugins.engine.hooks.finite_values_hook import non_finite_losses
from mmss_plugins.models.segmentors.batch_checks import finite_samples

NAN = float('nan')


@pytest.fixture(autouse=True)
def _scope():
    yield
    DefaultScope._instance_dict.clear()


class Values(Dataset):
    """Eight images; ``broken`` of them hold a value that is no number."""

    def __init__(self, broken=None, value=NAN):
        self.broken, self.value = broken, value

    def __len__(self):
        return 8

    def __getitem__(self, index):
        image = torch.ones(2, 4, 4)
        if index == self.broken:
            image[1, 2, 3] = self.value
        sample = SegDataSample(metainfo={'sample_id': f'p{index}', 'img_path': f'there/p{index}'})
        return {'inputs': image, 'data_samples': sample}


@MODELS.register_module()
class Scaled(BaseModel):
    """Stands for any algorithm of MM: it knows nothing of our checks."""

    def __init__(self, fail_at=None, break_at=None, output=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer('mask', torch.full((2,), -math.inf))  # as attention masks are
        self.fail_at, self.break_at, self.output = fail_at, break_at, output
        self.steps = 0

    def forward(self, inputs, data_samples=None, mode='tensor'):
        mean = self.weight.mean() * torch.stack(list(inputs)).mean()
        if mode != 'loss':
            for sample in data_samples:
                scores = torch.ones(2, 4, 4) * self.output * mean
                sample.seg_logits = PixelData(data=scores)
            return data_samples
        self.steps += 1
        if self.steps == self.break_at:
            zero = self.weight[0] - self.weight[0].detach()
            mean = mean + zero.abs().sqrt()  # adds 0 to the loss, NaN to the gradient
        loss = mean * (NAN if self.steps == self.fail_at else 1)
        return {'a.loss_ce': loss, 'acc': mean.detach()}


def collate(samples):
    return {key: [sample[key] for sample in samples] for key in samples[0]}


def run(tmp_path, data, model, test=False, by_epoch=True):
    loader = DataLoader(data, batch_size=2, collate_fn=collate)
    if test:
        parts = {
            'test_dataloader': loader, 'test_cfg': {}, 'test_evaluator': {'type': 'Silent'}
        }  # fmt: skip
    else:
        kind = {'by_epoch': True, 'max_epochs': 2} if by_epoch else {
            'by_epoch': False, 'max_iters': 8}  # fmt: skip
        parts = {
            'train_dataloader': loader,
            'train_cfg': kind,
            'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.01}},
        }
    runner = Runner(
        model=model,
        work_dir=str(tmp_path),
        experiment_name=tmp_path.name,
        log_level='ERROR',
        default_hooks={
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': by_epoch},
            'finite': {'type': 'mmss_plugins.FiniteValuesHook'},
        },
        cfg=Config({}),
        **parts,
    )
    return runner.test() if test else runner.train()


def test_training_stops_at_a_loss_that_is_not_finite(tmp_path):
    with pytest.raises(FloatingPointError) as error:
        run(tmp_path, Values(), {'type': 'Scaled', 'fail_at': 6})
    text = str(error.value)
    assert 'iteration 6 of the run (epoch 2): the loss is not finite: loss = nan, a.loss' in text
    assert 'inputs of this process are finite (samples p2, p3), so the training diverged' in text
    assert f'The last checkpoint is {tmp_path}/epoch_1.pth' in text
    assert [file.name for file in tmp_path.glob('*.pth')] == ['epoch_1.pth']


@pytest.mark.parametrize('value', [NAN, math.inf])
def test_the_sample_that_breaks_the_loss_is_named(tmp_path, value):
    message = 'inputs of the samples p3 hold values .* There is no checkpoint'
    with pytest.raises(FloatingPointError, match=message):
        run(tmp_path, Values(3, value), {'type': 'Scaled'})
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize('by_epoch', [True, False])
def test_weights_that_break_after_the_last_loss_are_not_saved(tmp_path, by_epoch):
    """The gradient of the epoch's last step is not finite, its loss is."""
    message = r'after iteration \d \(epoch \d\) the weights are not finite: weight\. No checkpoint'
    with pytest.raises(FloatingPointError, match=message):
        run(tmp_path, Values(), {'type': 'Scaled', 'break_at': 4}, by_epoch=by_epoch)
    for file in tmp_path.glob('*.pth'):
        assert torch.load(file, weights_only=True)['state_dict']['weight'].isfinite().all()
    assert not (tmp_path / ('epoch_1.pth' if by_epoch else 'iter_4.pth')).exists()


def test_a_sound_run_is_left_alone(tmp_path):
    run(tmp_path, Values(), {'type': 'Scaled'})
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_tests_refuse_what_is_not_finite(tmp_path):
    from mmengine.evaluator import BaseMetric
    from mmengine.registry import METRICS

    @METRICS.register_module(force=True)
    class Silent(BaseMetric):
        def process(self, data_batch, data_samples):
            self.results.append(1)

        def compute_metrics(self, results):
            return {'count': len(results)}

    assert run(tmp_path, Values(), {'type': 'Scaled'}, test=True) == {'count': 4}
    with pytest.raises(FloatingPointError, match='inputs of the samples p5 hold values'):
        run(tmp_path, Values(5), {'type': 'Scaled'}, test=True)
    model = MODELS.build({'type': 'Scaled'})
    with torch.no_grad():
        model.weight[1] = NAN
    with pytest.raises(FloatingPointError, match='weights to test are not finite: weight'):
        run(tmp_path, Values(), model, test=True)
    with pytest.raises(FloatingPointError, match='predictions of the samples p0, p1 are NaN'):
        run(tmp_path, Values(), {'type': 'Scaled', 'output': math.inf}, test=True)


def test_which_samples_of_any_batch_are_finite():
    images = [torch.zeros(2, 3, 3), torch.zeros(2, 5, 4), torch.zeros(2, 3, 3)]
    images[1][0, 4, 3] = -math.inf
    assert finite_samples(images).tolist() == [True, False, True]
    views = [torch.zeros(3, 2, 4, 4) for _ in range(2)]
    views[1][2, 0, 0, 0] = NAN
    assert finite_samples(views).tolist() == [True, True, False]
    assert finite_samples(views[1]).tolist() == [True, True, False]
    assert finite_samples([images, [*images[::-1]]]).tolist() == [True, False, True]
    assert finite_samples(torch.full((2, 1, 2, 2), 255, dtype=torch.uint8)).all()
    large = torch.full((1, 1, 64, 64), 3e38)  # finite, though the sum is not
    assert finite_samples(large).all()


def test_which_outputs_are_losses():
    outputs = {'loss': torch.tensor(NAN), 'decode.loss_ce': 2.0, 'acc': NAN, 's1.loss': math.inf}
    assert [*non_finite_losses(outputs)] == ['loss', 's1.loss']
    assert non_finite_losses(None) == non_finite_losses([1]) == {}
    assert non_finite_losses({'loss': np.float32(1)}) == {}
