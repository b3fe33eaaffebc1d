import logging
from types import SimpleNamespace

import pytest
import torch
from helpers.tiny_segmentation import cross_modal_model
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmss_plugins.engine.hooks import TransferReportHook

RESNET = {'type': 'ResNet', 'depth': 18, 'base_channels': 4}
CHANNELS = (4, 8, 16, 32)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def config(fusion='concat', s1=None, s2=None, **kwargs):
    if fusion == 'attention':
        kwargs.setdefault('channels', CHANNELS)
    backbones = {
        's1': {**RESNET, 'in_channels': 2, **(s1 or {})},
        's2': {**RESNET, 'in_channels': 3, **(s2 or {})},
    }
    return {'type': 'mmss_plugins.DualBackbone', 'backbones': backbones, 'fusion': fusion, **kwargs}


def build(*args, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(config(*args, **kwargs)))
    model.init_weights()
    model.eval()
    return model


def image(channels=5):
    return torch.randn(2, channels, 32, 32, generator=torch.Generator().manual_seed(1))


def own_maps(model, x):
    return model.backbones['s1'](x[:, :2]), model.backbones['s2'](x[:, 2:])


def test_each_modality_goes_to_its_encoder():
    model, x = build('concat'), image()
    s1, s2 = own_maps(model, x)
    fused = model(x)
    assert [f.shape[1] for f in fused] == [8, 16, 32, 64]
    for stage, found in enumerate(fused):
        assert torch.equal(found, torch.cat((s1[stage], s2[stage]), 1))


@pytest.mark.parametrize(('fusion', 'divisor'), [('sum', 1), ('attention', 2)])
def test_sum_and_untrained_attention(fusion, divisor):
    model, x = build(fusion), image()
    for found, one, other in zip(model(x), *own_maps(model, x), strict=True):
        torch.testing.assert_close(found, (one + other) / divisor)


def test_attention_follows_its_scores():
    model, x = build('attention'), image()
    with torch.no_grad():
        for convolution in model.attention:
            convolution.bias.copy_(torch.tensor([-50.0, 50.0]))
    _, s2 = own_maps(model, x)
    for found, expected in zip(model(x), s2, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ('fusion', 'head'),
    [
        ('concat', {'type': 'PSPHead', 'in_channels': 64, 'in_index': 3}),
        ('sum', {'type': 'UPerHead', 'in_channels': CHANNELS, 'in_index': (0, 1, 2, 3)}),
        ('attention', {'type': 'FPNHead', 'in_channels': CHANNELS, 'in_index': (0, 1, 2, 3),
                       'feature_strides': (4, 8, 16, 32)}),
    ],
)  # fmt: skip
def test_heads_of_mmseg_train_both_encoders(fusion, head):
    model = MODELS.build(
        ConfigDict(
            type='EncoderDecoder',
            backbone=config(fusion),
            decode_head={**head, 'channels': 8, 'num_classes': 3},
        )
    )
    model.init_weights()
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=torch.full((1, 32, 32), index)))
        for index in range(2)
    ]
    sum(v for k, v in model.loss(image(), samples).items() if 'loss' in k).backward()
    for name in ('backbone.backbones.s1.conv1.weight', 'backbone.backbones.s2.conv1.weight'):
        assert dict(model.named_parameters())[name].grad.abs().sum() > 0, name


def test_both_encoders_start_from_a_cross_modal_checkpoint(tmp_path, caplog):
    torch.manual_seed(3)
    pretrained = MODELS.build(ConfigDict(cross_modal_model()))
    file = tmp_path / 'cromss.pth'
    torch.save({'state_dict': pretrained.state_dict()}, file)

    def start(name):
        return {'init_cfg': {'type': 'Pretrained', 'checkpoint': str(file),
                             'prefix': f'backbones.{name}.'}}  # fmt: skip

    model = build(s1=start('s1'), s2={'in_channels': 13, **start('s2')})
    for name in ('s1', 's2'):
        theirs = pretrained.backbones[name].state_dict()
        for key, tensor in model.backbones[name].state_dict().items():
            assert torch.equal(tensor, theirs[key]), key
    runner = SimpleNamespace(model=model, _has_loaded=False, logger=logging.getLogger('test'))
    with caplog.at_level(logging.INFO):
        TransferReportHook().before_train(runner)
    assert 'backbones.s1: 126 of 126 tensors' in caplog.text
    assert 'backbones.s2: 126 of 126 tensors' in caplog.text


def test_early_fusion_is_one_resnet_on_the_stacked_bands():
    backbone = MODELS.build({**RESNET, 'in_channels': 15})
    assert [f.shape[1] for f in backbone(image(15))] == list(CHANNELS)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'fusion': 'mean'}, "got 'mean'"),
        ({'fusion': 'attention', 'channels': ()}, "go with fusion='attention'"),
        ({'fusion': 'sum', 'channels': CHANNELS}, "go with fusion='attention'"),
        ({'backbones': {'s1': RESNET}}, r"expected two backbones.*\['s1'\]"),
    ],
)
def test_bad_configs_are_refused(kwargs, message):
    fusion = kwargs.pop('fusion', 'concat')
    with pytest.raises(ValueError, match=message):
        MODELS.build({**config(fusion), **kwargs})


def test_maps_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r'stage 1 has maps of .* give the backbones the same'):
        build('sum', s2={'strides': (1, 1, 2, 2)})(image())
    with pytest.raises(ValueError, match='out_indices alike'):
        build('sum', s2={'out_indices': (0, 1)})(image())
    with pytest.raises(ValueError, match=r'4 channels, but the backbones take 2 \(s1\)'):
        build()(image(4))
