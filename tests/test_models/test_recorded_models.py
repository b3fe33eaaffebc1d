"""Models that are traced, exported, compiled or counted compute what they do otherwise."""

import warnings

import pytest
import torch
from helpers.tiny_contrastive import grass_model
from helpers.tiny_segmentation import cross_modal_model
from mmengine.analysis import get_model_complexity_info

from mmss_plugins.registry import MODELS

ARCH = {'embed_dims': 16, 'num_layers': 1, 'num_heads': 2}
VIT = {'arch': ARCH, 'img_size': 64, 'out_indices': (0,)}
STEM = {
    'type': 'mmss_plugins.StemResNet',
    'depth': 18,
    'base_channels': 4,
    'num_stages': 1,
    'strides': (1,),
    'dilations': (1,),
    'out_indices': (0,),
}
PAIR = {'s1': {**STEM, 'in_channels': 2}, 's2': {**STEM, 'in_channels': 3}}
DUAL = {'type': 'mmss_plugins.DualBackbone', 'backbones': PAIR}
CHANNELS = (64, 4)
HEAD = {
    'type': 'mmss_plugins.UNetHead',
    'in_channels': CHANNELS,
    'decoder_channels': (4, 4),
    'num_classes': 3,
}
CASES = {
    'dofa': ({'type': 'mmss_plugins.DOFAViT', 'bands': 's1:2', **VIT}, 2),
    'satmae': ({'type': 'mmss_plugins.SatMAEViT', 'group_dims': 8, **VIT}, 10),
    'stem': ({**STEM, 'in_channels': 3}, 3),
    'concat': ({**DUAL, 'fusion': 'concat'}, 5),
    'sum': ({**DUAL, 'fusion': 'sum'}, 5),
    'attention': ({**DUAL, 'fusion': 'attention', 'channels': CHANNELS}, 5),
    'cross': (cross_modal_model(backbones=PAIR, decode_head=HEAD), 5),
    'grass': (grass_model(), 3),
}
FEW = ('dofa', 'satmae', 'attention', 'cross')  # each has code of its own that looks at sizes
EXAMPLE = (2, 64, 64)  # N, H, W; for the ViTs the size that the position embeddings are stored for
OTHERS = [(2, 64, 64), (3, 96, 64), (1, 50, 67)]


@pytest.fixture(scope='module')
def models():
    torch.manual_seed(0)
    return {name: MODELS.build(cfg).eval() for name, (cfg, _) in CASES.items()}


def images(name, size):
    count, height, width = size
    return torch.rand(
        count, CASES[name][1], height, width, generator=torch.Generator().manual_seed(1)
    )


def assert_same(model, recorded, name, sizes=OTHERS):
    for size in sizes:
        with torch.no_grad():
            expected, found = model(images(name, size)), recorded(images(name, size))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', CASES)
def test_traced_models_take_any_batch_and_size(models, name):
    model = models[name]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')  # sizes are compared in checks of the input
        traced = torch.jit.trace(model, images(name, EXAMPLE), strict=False, check_trace=False)
    assert_same(model, traced, name)


@pytest.mark.parametrize('name', FEW)
def test_exported_models_take_any_batch_and_size(models, name):
    size = {axis: torch.export.Dim(axis, min=33, max=4096) for axis in ('height', 'width')}
    shapes = {0: torch.export.Dim('batch', max=64), 2: size['height'], 3: size['width']}
    with torch.no_grad():
        program = torch.export.export(
            models[name], (images(name, EXAMPLE),), dynamic_shapes=(shapes,), strict=False
        )
    assert_same(models[name], program.module(), name)


def test_patches_are_completed_at_any_size_when_compiled(models):
    torch._dynamo.reset()
    compiled = torch.compile(models['dofa'].whole_patches, backend='aot_eager', dynamic=True)
    for size in OTHERS:  # multiples of the patch's side, 16, and others
        image = images('dofa', size)
        _, height, width = size
        whole = compiled(image)
        assert whole.shape[2:] == (-(-height // 16) * 16, -(-width // 16) * 16)
        assert torch.equal(whole[..., :height, :width], image)
        assert whole.sum() == pytest.approx(image.sum().item(), rel=1e-5)


@pytest.mark.parametrize('name', CASES)
def test_complexity_is_counted(models, name):
    shape = (CASES[name][1], 64, 64)
    found = get_model_complexity_info(models[name], shape, show_table=False, show_arch=False)
    assert found['flops'] > 0
    assert found['params'] == sum(p.numel() for p in models[name].parameters())
