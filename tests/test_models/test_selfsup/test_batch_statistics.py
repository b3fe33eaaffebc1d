import copy

import pytest
import torch
from helpers.tiny_contrastive import grass_model
from torch import nn

from mmss_plugins.models.selfsup.batch_statistics import running_statistics_kept
from mmss_plugins.registry import MODELS


def statistics(model):
    return {name: value.clone() for name, value in model.named_buffers() if name != 'guided'}


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(('policy', 'layer'), [('once', None), ('once', 'layer3'), ('twice', None)])
def test_guide_pass_updates_statistics_by_policy(policy, layer):
    torch.manual_seed(0)
    model = MODELS.build(grass_model(guide={'batch_norm': policy, 'layer': layer})).train()
    model.set_stage(True)
    model.keep_details = True
    naive = copy.deepcopy(model)
    views = list(torch.randn(8, 3, 32, 32).split(4))
    model.loss(views, None)
    with torch.no_grad():
        if policy == 'twice':
            naive.backbone(model.details.views)
        naive.backbone(model.details.crops)
    assert not torch.equal(model.details.crops, model.details.views)
    assert equal(statistics(model), statistics(naive))
    counts = {v.item() for n, v in statistics(model).items() if 'num_batches' in n}
    assert counts == {2 if policy == 'twice' else 1}


def test_layers_in_evaluation_mode_stay_so():
    layers = nn.Sequential(nn.BatchNorm2d(2), nn.BatchNorm2d(2, track_running_stats=False))
    layers[0].running_mean.fill_(5)
    layers[0].eval()
    inputs = torch.randn(4, 2, 3, 3)
    expected = layers(inputs)
    with running_statistics_kept(layers):
        assert torch.equal(layers(inputs), expected)
    assert layers[0].track_running_stats
    assert not layers[1].track_running_stats


def fail_within(layers):
    with running_statistics_kept(*layers):
        assert not any(layer.track_running_stats for layer in layers)
        raise KeyError


def test_recording_goes_on_after_an_error():
    layers = nn.BatchNorm2d(2), nn.SyncBatchNorm(2)
    with pytest.raises(KeyError):
        fail_within(layers)
    assert all(layer.track_running_stats for layer in layers)
