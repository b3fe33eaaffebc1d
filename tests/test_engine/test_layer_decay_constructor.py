import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope, init_default_scope
from mmpretrain.registry import MODELS as PRETRAIN_MODELS
from mmseg.registry import MODELS
from torch import nn

from mmss_plugins.engine.optimizers.layer_depth import decoder_depths, encoder_depths

CONSTRUCTOR = 'mmss_plugins.LayerDecayOptimWrapperConstructor'
PSP = {
    'type': 'EncoderDecoder',
    'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 4},
    'decode_head': {'type': 'PSPHead', 'in_channels': 32, 'channels': 4, 'num_classes': 3},
}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def rates(model, lr=0.1, weight_decay=0.01, **paramwise):
    """(learning rate, weight decay) of each parameter by name."""
    wrapper = build_optim_wrapper(
        model,
        {
            'optimizer': {'type': 'SGD', 'lr': lr, 'weight_decay': weight_decay},
            'constructor': CONSTRUCTOR,
            'paramwise_cfg': paramwise,
        },
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = {
        names[id(parameter)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }
    assert sum(len(group['params']) for group in wrapper.optimizer.param_groups) == len(found)
    return found, len(wrapper.optimizer.param_groups)


def test_resnet_stages_and_the_parts_of_a_head():
    model = MODELS.build(PSP)
    found, groups = rates(model, encoder_decay=0.5, decoder_decay=0.1)
    assert found.keys() == dict(model.named_parameters()).keys()
    expected = {
        'backbone.conv1.': 0.5**5, 'backbone.bn1.': 0.5**5, 'backbone.layer1.': 0.5**4,
        'backbone.layer2.': 0.5**3, 'backbone.layer3.': 0.5**2, 'backbone.layer4.': 0.5,
        'decode_head.psp_modules.': 0.1**2, 'decode_head.bottleneck.': 0.1,
        'decode_head.conv_seg.': 1.0,
    }  # fmt: skip
    for name, (lr, decay) in found.items():
        prefix = [p for p in expected if name.startswith(p)]
        assert len(prefix) == 1, name
        assert lr == pytest.approx(0.1 * expected[prefix[0]]), name
        assert decay == 0.01
    assert groups == 8  # conv1 and bn1 share one


def test_blocks_of_a_vision_transformer():
    model = nn.Module()
    arch = {'embed_dims': 8, 'num_layers': 3, 'num_heads': 2, 'feedforward_channels': 8}
    model.backbone = PRETRAIN_MODELS.build(
        {'type': 'mmpretrain.VisionTransformer', 'arch': arch, 'img_size': 32}
    )
    model.decode_head = nn.Linear(8, 3)
    found, _ = rates(model, encoder_decay=0.5)
    for name, factor in {
        'backbone.cls_token': 0.5**4, 'backbone.pos_embed': 0.5**4,
        'backbone.patch_embed.projection.weight': 0.5**4, 'backbone.layers.0.ln1.weight': 0.5**3,
        'backbone.layers.1.ffn.layers.0.0.weight': 0.5**2, 'backbone.layers.2.attn.qkv.bias': 0.5,
        'backbone.ln1.weight': 0.5, 'decode_head.weight': 1.0,
    }.items():  # fmt: skip
        assert found[name][0] == pytest.approx(0.1 * factor), name


def test_our_vision_transformers():
    tiny = {'embed_dims': 24, 'num_layers': 2, 'num_heads': 2}
    for kind, kwargs, stem in (
        ('DOFAViT', {'bands': 's1:2'}, 'patch_embed.weight_generator.fc_weight.weight'),
        ('SatMAEViT', {'group_dims': 8}, 'patch_embed.2.proj.bias'),
    ):
        backbone = MODELS.build(
            {'type': f'mmss_plugins.{kind}', 'arch': tiny, 'img_size': 32, 'out_indices': (1,),
             'patch_size': 8, **kwargs}
        )  # fmt: skip
        found = encoder_depths(name for name, _ in backbone.named_parameters())
        blocks = {name: layer for name, layer in found.items() if name.startswith('blocks.')}
        assert found[stem] == 0
        assert all(layer == int(name.split('.')[1]) + 1 for name, layer in blocks.items())
        assert {layer for name, layer in found.items() if name not in blocks} == {0}


def test_encoders_of_a_cross_modal_model_by_their_names():
    model = nn.ModuleDict(
        {m: MODELS.build({**PSP['backbone'], 'in_channels': 2}) for m in ('s1', 's2')}
    )
    found, _ = rates(
        nn.ModuleDict({'backbones': model}), encoder_decay=0.5, encoder=['backbones.s1'], decoder=[]
    )
    assert found['backbones.s1.layer4.0.conv1.weight'][0] == pytest.approx(0.05)
    assert found['backbones.s2.layer4.0.conv1.weight'][0] == 0.1


def test_the_other_settings_multiply():
    found, _ = rates(
        MODELS.build(PSP),
        encoder_decay=0.5,
        norm_decay_mult=0.0,
        custom_keys={'conv_seg': {'lr_mult': 10, 'decay_mult': 2}, 'layer4': {'lr_mult': 3}},
    )
    assert found['decode_head.conv_seg.weight'] == pytest.approx((1.0, 0.02))
    assert found['backbone.layer4.0.conv1.weight'] == pytest.approx((0.15, 0.01))
    assert found['backbone.layer3.0.bn1.weight'] == pytest.approx((0.025, 0.0))


def test_frozen_parameters_are_omitted():
    model = MODELS.build({**PSP, 'backbone': {**PSP['backbone'], 'frozen_stages': 1}})
    found, _ = rates(model, encoder_decay=0.5)
    assert 'backbone.conv1.weight' not in found
    assert found['backbone.layer2.0.conv1.weight'][0] == pytest.approx(0.1 * 0.5**3)


def test_a_schedule_keeps_the_ratios():
    model = MODELS.build(PSP)
    wrapper = build_optim_wrapper(
        model,
        {
            'optimizer': {'type': 'SGD', 'lr': 0.1},
            'constructor': CONSTRUCTOR,
            'paramwise_cfg': {'encoder_decay': 0.5},
        },
    )
    from mmengine.optim import CosineAnnealingLR

    schedule = CosineAnnealingLR(wrapper, T_max=4, eta_min_ratio=0.1, by_epoch=True)
    before = [group['lr'] for group in wrapper.optimizer.param_groups]
    wrapper.step()
    schedule.step()
    after = [group['lr'] for group in wrapper.optimizer.param_groups]
    assert len(set(before)) == 6
    assert len({round(b / a, 9) for a, b in zip(after, before, strict=True)}) == 1


def test_a_chain_of_blocks_counts_each():
    head = nn.Module()
    head.conv_seg, head.blocks = nn.Conv2d(1, 1, 1), nn.ModuleList([nn.Linear(1, 1)] * 1)
    head.blocks.append(nn.Linear(1, 1))
    assert decoder_depths(head) == {
        'conv_seg.weight': 2, 'conv_seg.bias': 2, 'blocks.0.weight': 0, 'blocks.0.bias': 0,
        'blocks.1.weight': 1, 'blocks.1.bias': 1,
    }  # fmt: skip


def test_what_does_not_fit_is_refused():
    model = MODELS.build(PSP)
    for paramwise, message in (
        ({}, 'needs paramwise_cfg'),
        ({'encoder_decay': 0.0}, r'in \(0, 1\]'),
        ({'decoder_decay': 1.5}, r'in \(0, 1\]'),
        ({'encoder_decay': 0.5, 'encoder': 'encoder'}, "'encoder', but the model has"),
    ):
        with pytest.raises(ValueError, match=message):
            rates(model, **paramwise)
    with pytest.raises(ValueError, match='no lr'):
        build_optim_wrapper(
            model,
            {
                'optimizer': {'type': 'Adadelta'},
                'constructor': CONSTRUCTOR,
                'paramwise_cfg': {'encoder_decay': 0.5},
            },
        )
    with pytest.raises(ValueError, match='no layers'):
        encoder_depths(['conv1.weight', 'fc.weight'])


def test_training_moves_layers_by_their_rates():
    torch.manual_seed(0)
    model = MODELS.build(PSP)
    wrapper = build_optim_wrapper(
        model,
        {
            'optimizer': {'type': 'SGD', 'lr': 0.1},
            'constructor': CONSTRUCTOR,
            'paramwise_cfg': {'encoder_decay': 0.5},
        },
    )
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    wrapper.step()
    for name, factor in (('backbone.conv1.weight', 0.5**5), ('decode_head.conv_seg.weight', 1)):
        moved = before[name] - dict(model.named_parameters())[name]
        torch.testing.assert_close(
            moved, torch.full_like(moved, 0.1 * factor), atol=1e-6, rtol=1e-4
        )
