import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


def build(**kwargs):
    torch.manual_seed(0)
    cfg = {'type': 'mmss_plugins.UNetHead', 'num_classes': 4, **kwargs}
    return MODELS.build(cfg)


def pyramid(channels, size, stride=2):
    sizes = [size // stride // 2**level for level in range(len(channels))]
    return [torch.randn(2, c, s, s) for c, s in zip(channels, sizes, strict=True)]


def test_is_the_unet_decoder_of_the_method():
    channels, decoder = (3, 4, 5), (7, 6, 8)
    head = build(in_channels=channels, decoder_channels=decoder)
    head.init_weights()
    head.eval()
    state = head.state_dict()
    features = pyramid(channels, 32)

    def conv_bn_relu(x, name):
        x = F.conv2d(x, state[f'{name}.conv.weight'], padding=1)
        bn = [
            state[f'{name}.bn.{part}'] for part in ('running_mean', 'running_var', 'weight', 'bias')
        ]
        return F.batch_norm(x, *bn).relu()

    x = features[2]
    for block, skip in enumerate((features[1], features[0], None)):
        x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        x = x if skip is None else torch.cat((x, skip), 1)
        x = conv_bn_relu(conv_bn_relu(x, f'blocks.{block}.conv1'), f'blocks.{block}.conv2')
    expected = F.conv2d(x, state['conv_seg.weight'], state['conv_seg.bias'], padding=1)
    found = head(features)
    assert found.shape == (2, 4, 32, 32)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('levels', [1, 2, 5, 6])
def test_any_number_of_levels(levels):
    channels = (3, 4, 5, 6, 7, 8)[:levels]
    head = build(in_channels=channels)
    features = pyramid(channels, 64)
    coarsest = features[-1].shape[-1]
    skips = levels - 1
    size = features[0].shape[-1] * 2 ** (5 - skips) if skips else coarsest * 32
    assert head(features).shape[2:] == (size, size)


def test_more_levels_than_the_blocks_take_is_an_error():
    with pytest.raises(ValueError, match=r'4 encoder maps.*2 blocks'):
        build(in_channels=(1, 2, 3, 4), decoder_channels=(5, 6))


def test_odd_sizes_follow_the_skips():
    head = build(in_channels=(3, 4, 5), decoder_channels=(4, 4, 4))
    features = [torch.randn(2, 3, 15, 11), torch.randn(2, 4, 8, 6), torch.randn(2, 5, 4, 3)]
    assert head(features).shape[2:] == (30, 22)


def test_in_index_chooses_levels():
    head = build(in_channels=(4, 6), in_index=(1, 3), decoder_channels=(4, 4))
    features = pyramid((3, 4, 5, 6), 64)
    assert head(features).shape[2:] == (32, 32)


@pytest.mark.parametrize(
    ('norm_cfg', 'kind'),
    [
        ({'type': 'SyncBN'}, torch.nn.SyncBatchNorm),
        ({'type': 'GN', 'num_groups': 2}, torch.nn.GroupNorm),
    ],
)
def test_norm_cfg(norm_cfg, kind):
    head = build(in_channels=(3, 4), decoder_channels=(4, 4), norm_cfg=norm_cfg)
    assert sum(isinstance(m, kind) for m in head.modules()) == 4


def test_initialisation():
    head = build(in_channels=(64, 256))
    head.init_weights()
    weight = head.blocks[0].conv1.conv.weight
    bound = (6 / weight[0].numel()) ** 0.5  # Kaiming uniform over the inputs, for ReLU
    assert weight.abs().max().item() == pytest.approx(bound, rel=1e-2)
    bound = (6 / (9 * (16 + 4))) ** 0.5  # Xavier uniform
    assert head.conv_seg.weight.abs().max().item() == pytest.approx(bound, rel=5e-2)
    assert head.conv_seg.bias.eq(0).all()


def test_in_a_stock_encoder_decoder():
    cfg = Config(
        {
            'type': 'mmseg.EncoderDecoder',
            'data_preprocessor': {'type': 'mmseg.SegDataPreProcessor'},
            'backbone': {'type': 'mmseg.ResNet', 'depth': 18, 'in_channels': 13},
            'decode_head': {
                'type': 'mmss_plugins.UNetHead',
                'in_channels': (64, 128, 256, 512),
                'num_classes': 4,
            },
            'test_cfg': {'mode': 'whole'},
        }
    )
    model = MODELS.build(cfg.to_dict() | {'test_cfg': cfg.test_cfg})
    meta = {'img_shape': (64, 64), 'ori_shape': (64, 64)}
    labels = torch.randint(0, 4, (2, 1, 64, 64))
    samples = [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=label)) for label in labels]
    inputs = torch.randn(2, 13, 64, 64)
    losses = model(inputs, samples, mode='loss')
    losses['decode.loss_ce'].backward()
    assert all(p.grad is not None for p in model.parameters())
    prediction = model.eval()(inputs, samples, mode='predict')[0]
    assert prediction.pred_sem_seg.data.shape == (1, 64, 64)
