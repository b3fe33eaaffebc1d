"""The model bases for vision transformers and for two encoders, whole and as tiny ones."""

import pytest
import torch
from helpers.paths import ROOT
from mmengine.config import Config
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

BASES = ROOT / 'configs' / '_base_' / 'models'
PLAIN = {'embed_dims': 24, 'num_layers': 4, 'num_heads': 2, 'feedforward_channels': 24}
OURS = {'embed_dims': 24, 'num_layers': 4, 'num_heads': 2}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def plain_norms(node):
    """Replace synchronised norms, which need a GPU."""
    if isinstance(node, dict):
        if node.get('type') == 'SyncBN':
            node['type'] = 'BN'
        for value in node.values():
            plain_norms(value)
    elif isinstance(node, list):
        for value in node:
            plain_norms(value)


def model_of(name):
    model = Config.fromfile(BASES / f'{name}.py').model
    plain_norms(model)
    return model


@pytest.mark.parametrize(
    ('name', 'dims', 'blocks'),
    [
        ('upernet_vit-b16_13b', 768, 12),
        ('upernet_vit-l16_13b', 1024, 24),
        ('upernet_dofa-b16_13b', 768, 12),
        ('upernet_dofa-l16_13b', 1024, 24),
        ('upernet_satmae-l8_10b', 1024, 24),
    ],
)
def test_neck_and_head_fit_the_transformer(name, dims, blocks):
    cfg = model_of(name)
    with torch.device('meta'):
        backbone = MODELS.build(cfg.backbone)
    assert backbone.embed_dims == dims == cfg.neck.embed_dim
    assert cfg.decode_head.in_channels == [dims] * 4
    assert cfg.neck.rescales == [4, 2, 1, 0.5]
    layers = getattr(backbone, 'blocks', None) or backbone.layers
    assert len(layers) == blocks
    assert backbone.out_indices[-1] == blocks - 1
    if blocks == 24:
        assert tuple(index + 1 for index in backbone.out_indices) == (6, 12, 18, 24)


@pytest.mark.parametrize(
    ('name', 'bands', 'backbone'),
    [
        *(
            (
                'upernet_vit-b16_13b',
                n,
                {'arch': PLAIN, 'in_channels': n, 'out_indices': (0, 1, 2, 3)},
            )
            for n in (2, 3, 9, 13)
        ),
        ('upernet_dofa-b16_13b', 13, {'arch': OURS}),
        ('upernet_dofa-l16_13b', 2, {'arch': OURS, 'bands': 's1:2'}),
        ('upernet_satmae-l8_10b', 10, {'arch': OURS, 'group_dims': 8}),
    ],
)
def test_a_tiny_one_learns_and_predicts(name, bands, backbone):
    cfg = model_of(name)
    cfg.backbone.update(backbone)
    cfg.neck.embed_dim = 24
    cfg.decode_head.update(in_channels=[24] * 4, channels=8)
    learns(cfg, bands, size=32)


@pytest.mark.parametrize(
    ('head', 'bands'),
    [
        *(('pspnet', bands) for bands in (2, 3, 9, 10, 12, 13, 15)),
        ('deeplabv3plus', 2), ('fpn', 9), ('upernet', 13), ('unet', 15),
    ],
)  # fmt: skip
def test_resnets_under_every_head_take_any_bands(head, bands):
    """15 is early fusion: both sensors' bands stacked."""
    cfg = model_of(f'{head}_r50_13b')
    cfg.backbone.update(depth=18, base_channels=4, in_channels=bands)
    widths, part = [4, 8, 16, 32], cfg.decode_head
    if head == 'fpn':
        cfg.neck.update(in_channels=widths, out_channels=8)
        part.update(in_channels=[8] * 4, channels=8)
    elif head == 'unet':
        part.update(in_channels=[64, *widths], decoder_channels=[8] * 5)
    else:
        part.update(in_channels=widths if head == 'upernet' else 32, channels=8)
    if head == 'deeplabv3plus':
        part.update(c1_in_channels=4, c1_channels=4)
    learns(cfg, bands, size=32)


@pytest.mark.parametrize('head', ['deeplabv3plus', 'fpn', 'upernet', 'unet'])
def test_resnets_fit_their_heads_whole(head):
    with torch.device('meta'):
        model = MODELS.build(model_of(f'{head}_r50_13b'))
        logits = model(torch.zeros(2, 13, 64, 64), mode='tensor')
    assert logits.shape[1] == 8
    assert logits.shape[2] == {'deeplabv3plus': 16, 'fpn': 16, 'upernet': 16, 'unet': 64}[head]


@pytest.mark.parametrize('fusion', ['concat', 'sum', 'attention'])
def test_two_tiny_encoders(fusion):
    cfg = model_of('pspnet_r50-dual_15b')
    for encoder in cfg.backbone.backbones.values():
        encoder.update(depth=18, base_channels=4)
    cfg.backbone.fusion = fusion
    if fusion == 'attention':
        cfg.backbone.channels = (4, 8, 16, 32)
    cfg.decode_head.update(in_channels=64 if fusion == 'concat' else 32, channels=8)
    learns(cfg, 15, size=32)


def test_two_encoders_whole():
    cfg = model_of('pspnet_r50-dual_15b')
    with torch.device('meta'):
        model = MODELS.build(cfg)
        maps = model.backbone(torch.zeros(1, 15, 64, 64))
    assert [m.shape[1] for m in maps] == [512, 1024, 2048, 4096]
    assert maps[-1].shape[1] == cfg.decode_head.in_channels


def learns(cfg, bands, size):
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    model.init_weights()
    image = torch.rand(2, bands, size, size)
    samples = [
        SegDataSample(
            metainfo={'img_shape': (size, size), 'ori_shape': (size, size)},
            gt_sem_seg=PixelData(data=torch.full((1, size, size), index)),
        )
        for index in range(2)
    ]
    model.train()
    losses = model.loss(image, samples)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    stem = next(m for m in model.backbone.parameters() if m.requires_grad)
    assert stem.grad.abs().sum() > 0
    assert isinstance(model.decode_head.conv_seg, nn.Conv2d)
    model.eval()
    with torch.no_grad():
        found = model.predict(image, samples)
    assert found[0].seg_logits.data.shape == (8, size, size)
