"""Encoders that stay as they are, for a whole run or for its beginning."""

import json

import pytest
import torch
from helpers.encoder_runs import MODEL, RecordEncoder, make_runner, state_of
from helpers.ranks import run_ranks

from mmss_plugins.engine.hooks import UnfreezeEncoderHook

STATISTICS = ('running_mean', 'running_var', 'num_batches_tracked')


pytestmark = pytest.mark.usefixtures('quick_runs')


def train(*args, **kwargs):
    """The runner, and the encoder's state before each iteration and at the end."""
    runner = make_runner(*args, **kwargs)
    runner.train()
    record = next(hook for hook in runner.hooks if isinstance(hook, RecordEncoder))
    return runner, [*record.states, state_of(runner)]


def changed(before, after, statistics):
    """Names of the tensors that differ, of statistics or of parameters."""
    return {
        name
        for name in before
        if name.endswith(STATISTICS) == statistics and not torch.equal(before[name], after[name])
    }


def freeze(**kwargs):
    return {'type': 'mmss_plugins.FreezeEncoderHook', **kwargs}


def unfreeze(begin, **kwargs):
    return {'type': 'mmss_plugins.UnfreezeEncoderHook', 'begin': begin, **kwargs}


def test_frozen_with_its_statistics_is_equal_to_the_last_bit(tmp_path):
    runner, states = train(tmp_path, freeze())
    assert not changed(states[0], states[-1], statistics=False)
    assert not changed(states[0], states[-1], statistics=True)
    first = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)['state_dict']
    head = runner.model.decode_head.conv_seg.weight
    assert not torch.equal(head, first['decode_head.conv_seg.weight'])


def test_it_is_what_frozen_stages_does(tmp_path):
    def logits(runner):
        return runner.model.decode_head.state_dict()

    ours, _ = train(tmp_path / 'ours', freeze())
    backbone = {**MODEL['backbone'], 'frozen_stages': 4}
    hook = freeze(prefix='backbone.conv1')
    theirs, _ = train(tmp_path / 'theirs', hook, model={**MODEL, 'backbone': backbone})
    for name, tensor in logits(theirs).items():
        assert torch.equal(tensor, logits(ours)[name]), name


def test_frozen_without_its_statistics(tmp_path):
    _, states = train(tmp_path, freeze(statistics=False))
    assert not changed(states[0], states[-1], statistics=False)
    names = {name for name in states[0] if name.endswith(STATISTICS)}
    assert changed(states[0], states[-1], statistics=True) == names


def test_a_part_of_the_encoder(tmp_path):
    _, states = train(tmp_path, freeze(prefix=['backbone.conv1', 'backbone.layer1']))
    moved = changed(states[0], states[-1], statistics=False)
    assert not any(name.startswith(('conv1', 'layer1')) for name in moved)
    assert {name.partition('.')[0] for name in moved} == {'bn1', 'layer2', 'layer3', 'layer4'}


@pytest.mark.parametrize('statistics', [True, False])
def test_unfrozen_from_its_epoch_on(tmp_path, statistics):
    runner, states = train(tmp_path, unfreeze(1, statistics=statistics))
    assert len(states) == 5  # two iterations an epoch
    assert not changed(states[0], states[2], statistics=False)
    assert bool(changed(states[0], states[2], statistics=True)) is not statistics
    names = {name for name, _ in runner.model.backbone.named_parameters()}
    assert changed(states[2], states[3], statistics=False) == names
    assert changed(states[2], states[3], statistics=True)


def test_unfrozen_from_its_iteration_on(tmp_path):
    _, states = train(tmp_path, unfreeze(2, by_epoch=False), iters=3)
    assert not changed(states[0], states[2], statistics=False)
    assert changed(states[2], states[3], statistics=False)
    assert not changed(states[0], states[2], statistics=True)
    assert changed(states[2], states[3], statistics=True)


def test_unfrozen_within_an_epoch(tmp_path):
    _, states = train(tmp_path, unfreeze(1, by_epoch=False), epochs=1)
    assert not changed(states[0], states[1], statistics=True)
    assert changed(states[1], states[2], statistics=False)
    assert changed(states[1], states[2], statistics=True)


@pytest.mark.parametrize('stop', [1, 2])
def test_a_resumed_run_continues_exactly(tmp_path, stop):
    _, whole = train(tmp_path / 'whole', unfreeze(1), epochs=3)
    train(tmp_path / 'parts', unfreeze(1), epochs=stop)
    _, rest = train(tmp_path / 'parts', unfreeze(1), epochs=3, resume=True)
    assert not changed(whole[-1], rest[-1], statistics=False)
    assert not changed(whole[-1], rest[-1], statistics=True)
    assert changed(whole[2], whole[-1], statistics=False)


def test_what_was_fixed_before_stays_fixed(tmp_path):
    norm = {'type': 'BN', 'requires_grad': False}
    model = {**MODEL, 'backbone': {**MODEL['backbone'], 'norm_cfg': norm}}
    runner, states = train(tmp_path, unfreeze(1), model=model)
    assert not runner.model.backbone.bn1.weight.requires_grad
    moved = changed(states[2], states[-1], statistics=False)
    assert moved
    assert not any('bn' in name for name in moved)


@pytest.mark.parametrize(
    ('hook', 'kwargs', 'message'),
    [
        (freeze(prefix='encoder'), {}, r"'encoder' is no module.*'backbone'"),
        (unfreeze(1), {'iters': 2}, 'set by_epoch=False'),
        (
            unfreeze(1),
            {'model': {**MODEL, 'backbone': {**MODEL['backbone'], 'frozen_stages': 4}}},
            'remove frozen_stages',
        ),
    ],
)
def test_impossible_settings_are_errors_before_training(tmp_path, hook, kwargs, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path, hook, **kwargs)


def test_the_beginning_is_checked():
    with pytest.raises(ValueError, match='not be negative'):
        UnfreezeEncoderHook(-1)
    assert UnfreezeEncoderHook(0).is_frozen(0, 0) is False


RANK_SCRIPT = """
import json, sys
from pathlib import Path
from helpers import encoder_runs
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from helpers.tiny_segmentation import Samples

folder, rank, sums = Path(sys.argv[1]), get_rank(), []
plain = Samples.__getitem__

def shifted(self, index):  # other data on each rank: only exchanged gradients keep them alike
    sample = plain(self, index)
    sample['inputs'] = sample['inputs'] * (1 + rank)
    return sample

class Sum(Hook):
    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        model = runner.model.module
        parts = model.backbone.layer4[1].conv2.weight, model.decode_head.conv_seg.weight
        sums.append([float(part.detach().double().sum()) for part in parts])

Samples.__getitem__ = shifted
encoder_runs.state_of = lambda runner: None
runner = encoder_runs.make_runner(
    folder / 'run', dict(type='mmss_plugins.UnfreezeEncoderHook', begin=1), launcher='pytorch',
    cfg=dict(model_wrapper_cfg=dict(type='mmss_plugins.AnyDeviceDistributedDataParallel')),
)
runner.register_hook(Sum())
runner.train()
(folder / f'{rank}.json').write_text(json.dumps(sums))
torch.distributed.destroy_process_group()
"""


def test_two_ranks_stay_alike_after_unfreezing(tmp_path):
    run_ranks(RANK_SCRIPT, tmp_path)
    first, second = (json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2))
    assert first == second
    encoder, head = zip(*first, strict=True)
    assert encoder[0] == encoder[1]  # the first epoch
    assert len(set(encoder)) == 3
    assert len(set(head)) == 4
