import pytest
import torch
from mmseg.registry import MODELS


def build(kind, training=True, **kwargs):
    torch.manual_seed(0)
    model = MODELS.build({'type': kind, **kwargs})
    model.train(training)  # MMSegmentation's ResNet.train returns None
    return model


@pytest.mark.parametrize(
    ('depth', 'channels'), [(18, (64, 128, 256, 512)), (50, (256, 512, 1024, 2048))]
)
def test_strides_and_channels(depth, channels):
    model = build('mmss_plugins.StemResNet', depth=depth, in_channels=13)
    features = model(torch.randn(1, 13, 64, 64))
    assert [f.shape[1] for f in features] == [64, *channels]
    assert [f.shape[2] for f in features] == [32, 16, 8, 4, 2]


def test_is_mmseg_resnet_with_the_stem_in_front():
    ours = build('mmss_plugins.StemResNet', depth=18, in_channels=2, training=False)
    stock = build('mmseg.ResNet', depth=18, in_channels=2, training=False)
    stock.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(2, 2, 32, 32)
    stem, *stages = ours(x)
    for found, expected in zip(stages, stock(x), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    expected = torch.relu(stock.norm1(stock.conv1(x)))
    torch.testing.assert_close(stem, expected, rtol=0, atol=0)


def test_out_indices_and_dilation():
    kwargs = {'strides': (1, 2, 1, 1), 'dilations': (1, 1, 2, 4), 'out_indices': (1, 3)}
    model = build('mmss_plugins.StemResNet', depth=18, in_channels=3, **kwargs)
    features = model(torch.randn(1, 3, 64, 64))
    assert [tuple(f.shape[1:]) for f in features] == [(64, 32, 32), (128, 8, 8), (512, 8, 8)]


def test_frozen_stages_hold_weights_and_statistics():
    model = build('mmss_plugins.StemResNet', depth=18, in_channels=2, frozen_stages=2)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model(torch.randn(2, 2, 32, 32))[-1].sum().backward()
    frozen = ('conv1', 'bn1', 'layer1', 'layer2')
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith(frozen), name
    for name, tensor in model.state_dict().items():
        if name.endswith('running_mean'):
            assert torch.equal(tensor, before[name]) == name.startswith(frozen), name


def test_norm_eval_and_norm_cfg():
    model = build(
        'mmss_plugins.StemResNet', depth=18, in_channels=2, norm_eval=True, norm_cfg={'type': 'BN'}
    )
    assert not any(m.training for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d))
    model = build(
        'mmss_plugins.StemResNet', depth=18, in_channels=2, norm_cfg={'type': 'GN', 'num_groups': 2}
    )
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())


def test_deep_stem_is_an_error():
    with pytest.raises(ValueError, match='deep_stem'):
        build('mmss_plugins.StemResNet', depth=18, deep_stem=True)
