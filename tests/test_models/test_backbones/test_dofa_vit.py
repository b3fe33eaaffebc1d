import numpy as np
import pytest
import torch
from helpers import naive_vit
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope, init_default_scope
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

TINY = {'embed_dims': 24, 'num_layers': 2, 'num_heads': 2, 'mlp_ratio': 2}
RGB = (0.665, 0.56, 0.49)


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def config(bands='s2:3', **kwargs):
    kwargs = {'arch': TINY, 'img_size': 32, 'patch_size': 8, 'out_indices': (0, 1), **kwargs}
    return {'type': 'mmss_plugins.DOFAViT', 'bands': bands, **kwargs}


def build(*args, seed=0, **kwargs):
    torch.manual_seed(seed)
    model = MODELS.build(ConfigDict(config(*args, **kwargs)))
    model.init_weights()
    with torch.no_grad():  # norms and biases start plain: let them count
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)
    return model.eval()


def image(bands, height=32, width=32):
    return torch.randn(1, bands, height, width, generator=torch.Generator().manual_seed(1))


def naive_maps(model, x, wavelengths):
    state = naive_vit.arrays(model)
    weight, bias = naive_vit.dofa_kernels(state, wavelengths, 8, 24)
    tokens = naive_vit.patches(x[0].double().numpy(), weight, bias, offset=1)
    tokens = np.concatenate([state['cls_token'][0], tokens]) + state['pos_embed'][0]
    for index in range(2):
        tokens = naive_vit.block(tokens, state, f'blocks.{index}', 2)
        yield tokens[1:].T.reshape(24, 4, 4)


@pytest.mark.parametrize('training', [False, True])
def test_maps_against_the_formulas(training):
    model, x = build(), image(3)
    model.train(training)
    for found, expected in zip(model(x), naive_maps(model, x, RGB), strict=True):
        assert found.shape == (1, 24, 4, 4)
        np.testing.assert_allclose(found[0].detach(), expected, atol=2e-4)


def test_one_checkpoint_serves_2_3_9_and_13_bands(tmp_path):
    file = tmp_path / 'dofa.pth'
    torch.save({'state_dict': build().state_dict()}, file)
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(file)}
    state = torch.load(file, weights_only=True)['state_dict']
    for bands, count in (('s1:2', 2), ('s2:3', 3), ('s2:9', 9), ('s2:13', 13)):
        torch.manual_seed(count)
        model = MODELS.build(ConfigDict(config(bands, init_cfg=init_cfg)))
        model.init_weights()
        model.eval()
        assert model.state_dict().keys() == state.keys()
        assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
        x = image(count)
        wavelengths = model.wavelengths.double().tolist()
        assert len(wavelengths) == count
        expected = list(naive_maps(model, x, wavelengths))
        for found, map_ in zip(model(x), expected, strict=True):
            np.testing.assert_allclose(found[0].detach(), map_, atol=5e-4)


def test_bands_and_kernels_may_be_in_any_order_together():
    x, order = image(3), [2, 0, 1]
    plain, mixed = build(RGB), build([RGB[i] for i in order])
    for one, other in zip(plain(x), mixed(x[:, order]), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(plain(x)[0], mixed(x)[0], atol=1e-3)


def test_the_first_releases_layout():
    new, old = build().patch_embed, build(layout='legacy').patch_embed
    waves = torch.tensor(RGB)
    weight, bias = new.kernels(waves)
    numbers = weight.permute(1, 2, 3, 0).flatten()  # in the order in which they were made
    legacy, other_bias = old.kernels(waves)
    torch.testing.assert_close(legacy.flatten(), numbers)
    torch.testing.assert_close(other_bias, bias)


def test_images_of_other_sizes():
    model = build()
    assert [m.shape for m in model(image(3, 40, 20))] == [(1, 24, 5, 3)] * 2
    padded = torch.zeros(1, 3, 40, 24)
    padded[..., :20] = image(3, 40, 20)
    assert torch.equal(model(image(3, 40, 20))[1], model(padded)[1])


@pytest.mark.parametrize(('arch', 'out', 'dims'), [('base', (3, 5, 7, 11), 768),
                                                   ('large', (5, 11, 17, 23), 1024)])  # fmt: skip
def test_published_sizes(arch, out, dims):
    with torch.device('meta'):
        model = MODELS.build({'type': 'mmss_plugins.DOFAViT', 'bands': [0.5], 'arch': arch})
    assert model.out_indices == out
    assert model.pos_embed.shape == (1, 197, dims)
    shape = model.state_dict()['patch_embed.weight_generator.fc_weight.weight'].shape
    assert shape == (16 * 16 * dims, 128)


def upernet(backbone, dims=24):
    return MODELS.build(
        ConfigDict(
            type='EncoderDecoder',
            backbone=backbone,
            neck={'type': 'Feature2Pyramid', 'embed_dim': dims, 'rescales': [4, 2, 1, 0.5],
                  'norm_cfg': {'type': 'BN'}},
            decode_head={'type': 'UPerHead', 'in_channels': [dims] * 4, 'in_index': [0, 1, 2, 3],
                         'channels': 8, 'num_classes': 3},
        )
    )  # fmt: skip


@pytest.mark.parametrize('with_cp', [False, True])
def test_upernet_on_top_trains_the_generator(with_cp):
    deep = {**TINY, 'num_layers': 4}
    torch.manual_seed(0)
    model = upernet(config(arch=deep, out_indices=None, with_cp=with_cp, drop_path_rate=0.1))
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=torch.full((1, 32, 32), index)))
        for index in range(2)
    ]
    losses = model.loss(image(3).expand(2, -1, -1, -1), samples)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    parameters = dict(model.backbone.named_parameters())
    assert parameters['patch_embed.weight_generator.weight_tokens'].grad.abs().sum() > 0
    assert parameters['blocks.0.attn.qkv.weight'].grad.abs().sum() > 0
    assert parameters['pos_embed'].grad is None


def test_beside_another_encoder():
    dual = MODELS.build(
        ConfigDict(
            type='mmss_plugins.DualBackbone',
            backbones={'s1': config('s1:2'), 's2': config('s2:9')},
            fusion='sum',
        )
    )
    assert [m.shape for m in dual(image(11))] == [(1, 24, 4, 4)] * 2


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'arch': 'huge'}, "got 'huge'"),
        ({'out_indices': (1, 2)}, r'blocks 0\.\.1'),
        ({'layout': 'new'}, "got 'new'"),
        ({'bands': 's2:7'}, 'unknown s2 band set'),
    ],
)
def test_bad_configs_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({**config(), **kwargs})


def test_other_bands_than_those_given_are_refused():
    with pytest.raises(ValueError, match=r'has 4 bands, but the encoder has the wavelengths of 3'):
        build()(image(4))
