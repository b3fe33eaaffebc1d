import numpy as np
import pytest
import torch
from helpers import naive_vit
from mmengine.config import ConfigDict
from mmseg.registry import MODELS

from mmss_plugins.bands import S2

TINY = {'embed_dims': 24, 'num_layers': 2, 'num_heads': 2, 'mlp_ratio': 2}
GROUPS = ((0, 3), (1, 2, 4))


def build(groups=GROUPS, **kwargs):
    torch.manual_seed(0)
    cfg = {'arch': TINY, 'img_size': 32, 'group_dims': 8, 'out_indices': (0, 1), **kwargs}
    model = MODELS.build(ConfigDict(type='mmss_plugins.SatMAEViT', groups=groups, **cfg))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model.eval()


def image(bands=5, height=32, width=32):
    return torch.randn(1, bands, height, width, generator=torch.Generator().manual_seed(1))


def test_maps_against_the_formulas():
    model, x = build(), image()
    state = naive_vit.arrays(model)
    position, group_of = state['pos_embed'][0], state['channel_embed'][0]
    rows = [np.concatenate([position[0], state['channel_cls_embed'][0, 0]])]
    rows[0] = rows[0] + state['cls_token'][0, 0]
    for number, group in enumerate(GROUPS):
        name = f'patch_embed.{number}.proj'
        band = x[0].double().numpy()[list(group)]
        tokens = naive_vit.patches(band, state[f'{name}.weight'], state[f'{name}.bias'])
        for place, token in enumerate(tokens):
            rows.append(token + np.concatenate([position[1 + place], group_of[number]]))
    tokens = np.array(rows)
    for index, found in enumerate(model(x)):
        tokens = naive_vit.block(tokens, state, f'blocks.{index}', 2)
        first, second = tokens[1:17], tokens[17:]
        expected = ((first + second) / 2).T.reshape(24, 4, 4)
        np.testing.assert_allclose(found[0].detach(), expected, atol=2e-4)


def test_published_groups_are_bands_of_one_kind():
    with torch.device('meta'):
        model = MODELS.build({'type': 'mmss_plugins.SatMAEViT'})
    names = [S2.bands[index] for index in S2.subsets[10]]
    assert [[names[i] for i in group] for group in model.groups] == [
        ['B2', 'B3', 'B4', 'B8'], ['B5', 'B6', 'B7', 'B8A'], ['B11', 'B12'],
    ]  # fmt: skip
    assert model.in_channels == 10
    assert model.pos_embed.shape == (1, 145, 768)
    assert model.channel_embed.shape == (1, 3, 256)
    assert model.patch_embed[0].proj.weight.shape == (1024, 4, 8, 8)
    assert model.out_indices == (5, 11, 17, 23)


def test_embeddings_start_as_sines():
    torch.manual_seed(0)
    model = MODELS.build(
        ConfigDict(
            type='mmss_plugins.SatMAEViT', arch=TINY, img_size=32, group_dims=8, out_indices=(1,)
        )
    )
    for number in range(3):
        expected = naive_vit.sine(number, 8)
        np.testing.assert_allclose(model.channel_embed[0, number].detach(), expected, atol=1e-6)
    place = np.concatenate([naive_vit.sine(3, 8), naive_vit.sine(1, 8)])  # row 1, column 3
    np.testing.assert_allclose(model.pos_embed[0, 1 + 4 + 3].detach(), place, atol=1e-6)
    assert not model.channel_cls_embed.any()


def test_images_of_other_sizes():
    assert [m.shape for m in build()(image(5, 40, 20))] == [(1, 24, 5, 3)] * 2


@pytest.mark.parametrize('groups', [((0, 1), (1, 2)), ((0, 2),), ((0, 1), ())])
def test_groups_hold_every_channel_once(groups):
    with pytest.raises(ValueError, match='each channel from 0 on'):
        build(groups)


def test_other_bands_than_grouped_are_refused():
    with pytest.raises(ValueError, match=r'has 13 bands.* hold 5'):
        build()(image(13))
