"""Two processes against one with the joint batch."""

import pytest
import torch
from helpers.contrastive_ranks import STAGES, build, joint_views
from helpers.ranks import run_ranks

SCRIPT = """
import sys
from collections import Counter
import torch
from torch import distributed
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from helpers.contrastive_ranks import STAGES, build, joint_views
from mmss_plugins.engine.any_device_ddp import AnyDeviceDistributedDataParallel

rank = distributed.get_rank()
found = {}
for stage, guide in STAGES.items():
    model = build(guide)
    ready, reduced = Counter(), []
    for name, parameter in model.named_parameters():
        parameter.register_post_accumulate_grad_hook(lambda _, name=name: ready.update([name]))

    def reduce(state, bucket, reduced=reduced):
        reduced.append(bucket.index())
        return allreduce_hook(state, bucket)

    ddp = AnyDeviceDistributedDataParallel(model)
    ddp.register_comm_hook(None, reduce)
    views = [view.chunk(2)[rank] for view in joint_views()]
    loss = ddp(views, None, mode='loss')['loss']
    before = [name for name, p in model.named_parameters() if p.grad is not None]
    assert not before and not ready and not reduced, (stage, before, ready, reduced)
    loss.backward()
    assert set(ready.values()) == {1} and len(ready) == len(list(model.parameters()))
    assert reduced == sorted(set(reduced)), reduced
    found[stage] = {
        'loss': loss.detach(), 'gradients': {n: p.grad for n, p in model.named_parameters()}
    }
torch.save(found, f'{sys.argv[1]}/{rank}.pt')
distributed.destroy_process_group()
"""


@pytest.fixture(scope='module')
def ranks(tmp_path_factory):
    folder = tmp_path_factory.mktemp('ranks')
    run_ranks(SCRIPT, folder)
    return [torch.load(folder / f'{rank}.pt', weights_only=True) for rank in range(2)]


@pytest.mark.parametrize('stage', STAGES)
def test_equals_one_process_with_the_joint_batch(ranks, stage):
    guide = STAGES[stage]
    model = build(guide)
    losses = model.loss(joint_views(), None)
    losses['loss'].backward()
    assert guide is None or losses['crop_area'] < 0.9
    expected = {name: parameter.grad for name, parameter in model.named_parameters()}
    for found in ranks:
        torch.testing.assert_close(found[stage]['loss'], losses['loss'].detach(), rtol=0, atol=1e-9)
        torch.testing.assert_close(found[stage]['gradients'], expected, rtol=1e-7, atol=1e-9)
