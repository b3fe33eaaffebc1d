"""Projector and head."""

import numpy as np
import pytest
import torch

from mmss_plugins.functional import info_nce
from mmss_plugins.registry import MODELS


@pytest.mark.parametrize('relu', [True, False])
def test_projector_equals_definition(relu):
    torch.manual_seed(0)
    cfg = {'type': 'ProjectionNeck', 'in_channels': 5, 'hid_channels': 7, 'out_channels': 3}
    neck = MODELS.build(cfg | ({} if relu else {'relu': False}))
    features = torch.randn(4, 5, 6, 2)
    weights = {name: value.detach().numpy() for name, value in neck.named_parameters()}
    pooled = features.numpy().mean(axis=(2, 3))
    hidden = pooled @ weights['fc1.weight'].T + weights['fc1.bias']
    assert hidden.min() < 0
    hidden = np.maximum(hidden, 0) if relu else hidden
    expected = hidden @ weights['fc2.weight'].T + weights['fc2.bias']
    embeddings = neck((torch.zeros(1), features)).detach()  # the last of the feature maps
    np.testing.assert_allclose(embeddings, expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(embeddings, neck.project(neck.pool(features)))
    assert neck.pool(features).shape == (4, 5)
    assert sorted(weights) == ['fc1.bias', 'fc1.weight', 'fc2.bias', 'fc2.weight']


def test_head_is_info_nce(monkeypatch):
    embeddings = torch.randn(6, 4)
    assert MODELS.build({'type': 'InfoNCEHead'}).loss(embeddings) == info_nce(embeddings, 0.5)
    seen = []
    monkeypatch.setattr(
        'mmss_plugins.models.heads.info_nce_head.info_nce', lambda *given: seen.append(given)
    )
    MODELS.build({'type': 'InfoNCEHead', 'temperature': 0.1, 'gather': False}).loss(embeddings)
    MODELS.build({'type': 'InfoNCEHead'}).loss(embeddings)
    assert [given[1:] for given in seen] == [(0.1, False), (0.5, True)]


@pytest.mark.parametrize('temperature', [0, -1, float('nan')])
def test_temperature_is_positive(temperature):
    with pytest.raises(ValueError, match='temperature must be positive'):
        MODELS.build({'type': 'InfoNCEHead', 'temperature': temperature})


def test_one_image_has_nothing_to_be_compared_with():
    head = MODELS.build({'type': 'InfoNCEHead'})
    with pytest.raises(ValueError, match='holds one image'):
        head.loss(torch.randn(2, 4))
    assert head.loss(torch.randn(4, 4)) > 0
