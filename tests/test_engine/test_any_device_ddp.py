"""Data-parallel training on the CPU in two real processes; on other devices MMEngine's own way."""

import json

import pytest
import torch
from helpers.ranks import run_ranks
from mmengine.model import MMDistributedDataParallel

from mmss_plugins.engine.any_device_ddp import AnyDeviceDistributedDataParallel

RANK_SCRIPT = """
import json, os, sys
import torch
from torch import distributed, nn
from mmengine.dist import get_dist_info
from mmss_plugins.registry import MODEL_WRAPPERS

rank, world = get_dist_info()
model = nn.Sequential(nn.Linear(3, 2), nn.SyncBatchNorm(2), nn.Linear(2, 1))
torch.manual_seed(rank)  # rank 0's weights have to reach the others
for parameter in model.parameters():
    nn.init.normal_(parameter)
model = MODEL_WRAPPERS.build(
    dict(type='mmss_plugins.AnyDeviceDistributedDataParallel'),
    default_args=dict(module=model, device_ids=[int(os.environ['LOCAL_RANK'])]),
)
inputs = torch.arange(12.0).reshape(4, 3).roll(rank)
model(inputs).square().mean().backward()
with open(f'{sys.argv[1]}/{rank}.json', 'w') as file:
    json.dump(dict(
        backend=distributed.get_backend(), world=world, norm=type(model.module[1]).__name__,
        weight=model.module[0].weight.tolist(), grad=model.module[2].weight.grad.tolist(),
    ), file)
distributed.destroy_process_group()
"""


def reference_gradient(weights_seed=0):
    """Mean of the two ranks' gradients, with rank 0's weights, in one process."""
    gradients = []
    for rank in range(2):
        model = torch.nn.Sequential(
            torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2), torch.nn.Linear(2, 1)
        )
        torch.manual_seed(weights_seed)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter)
        inputs = torch.arange(12.0).reshape(4, 3).roll(rank)
        model(inputs).square().mean().backward()
        gradients.append(model[2].weight.grad)
    return torch.stack(gradients).mean(0)


def test_two_processes_on_the_cpu(tmp_path):
    if torch.cuda.is_available():
        pytest.skip('this machine has a GPU')
    run_ranks(RANK_SCRIPT, tmp_path, fresh=True)
    ranks = [json.loads((tmp_path / f'{rank}.json').read_text()) for rank in range(2)]
    assert [rank['backend'] for rank in ranks] == ['gloo', 'gloo']
    assert [rank['world'] for rank in ranks] == [2, 2]
    assert 'Sync' not in ranks[0]['norm']
    assert ranks[0]['weight'] == ranks[1]['weight']
    assert ranks[0]['grad'] == ranks[1]['grad']
    torch.testing.assert_close(torch.tensor(ranks[0]['grad']), reference_gradient())


def test_other_devices_are_wrapped_as_by_mmengine(monkeypatch):
    seen = {}

    def record(_self, module, **kwargs):
        seen.update(kwargs, module=module)

    monkeypatch.setattr(MMDistributedDataParallel, '__init__', record)
    model = torch.nn.Sequential(torch.nn.SyncBatchNorm(2)).to('meta')
    AnyDeviceDistributedDataParallel(model, device_ids=[1], find_unused_parameters=True)
    assert seen == {
        'module': model,
        'device_ids': [1],
        'broadcast_buffers': False,
        'find_unused_parameters': True,
    }
    assert isinstance(seen['module'][0], torch.nn.SyncBatchNorm)
