import pytest
import torch
import torch.nn.functional as F
from helpers import foreign_checkpoints as published
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope, init_default_scope
from mmseg.registry import MODELS

from mmss_plugins.checkpoints import CheckpointFileError, ConversionError
from mmss_plugins.checkpoints.convert.encoder import (
    convert_encoder,
    detect,
    read_foreign_checkpoint,
    to_published,
)
from mmss_plugins.checkpoints.convert.resnet_recipes import SATLAS
from mmss_plugins.checkpoints.convert.ssl4eo_recipes import SSL4EO
from mmss_plugins.checkpoints.convert.vit_recipes import DOFA, SATMAE


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


CASES = {  # recipe, content by depth, key of its tensors, the encoder's prefix, bands
    'moco': (SSL4EO['moco'], published.moco, 'state_dict', 'module.encoder_q.', 13),
    'moco-momentum': (
        SSL4EO['moco-momentum'], published.moco, 'state_dict', 'module.encoder_k.', 13
    ),
    'dino': (SSL4EO['dino'], published.dino, 'teacher', 'module.backbone.', 13),
    'dino-student': (SSL4EO['dino-student'], published.dino, 'student', 'module.backbone.', 13),
    'decur-s1': (SSL4EO['decur-s1'], published.decur, 'model', 'module.backbone_1.', 2),
    'decur-s2': (SSL4EO['decur-s2'], published.decur, 'model', 'module.backbone_2.', 13),
    'satlas': (SATLAS['satlas'], published.satlas, '', 'backbone.resnet.', 9),
}  # fmt: skip


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('case', CASES)
def test_resnets_key_by_key_and_back(case, depth):
    recipe, make, key, prefix, bands = CASES[case]
    content = make(depth)
    theirs = content[key] if key else content
    names = published.resnet_names(depth, bands)
    conversion = convert_encoder(content, 'in.pth', recipe)
    assert conversion.state.keys() == names.keys()
    check_account(conversion, theirs, {name: name for name in names}, prefix)
    back = to_published({'state_dict': conversion.state}, 'ours.pth', recipe)
    back = back[key] if key else back
    assert back.keys() == {prefix + name for name in names}
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in back.items())


def check_account(conversion, theirs, names, prefix):
    """Each tensor of the file is in the encoder, as the very same object, or listed as dropped."""
    for ours, name in names.items():
        assert conversion.state[ours] is theirs[prefix + name], name
    accounted = [prefix + name for name in names.values()]
    accounted += [name for group in conversion.dropped.values() for name in group]
    assert sorted(accounted) == sorted(theirs)
    said = f'{len(names)} of {len(names)} tensors of the encoder (prefix {prefix or "none"})'
    assert said in str(conversion)


def ours_of_vit(count=2):
    """Our names of a transformer's tensors to timm's, written out."""
    names = {'cls_token': 'cls_token', 'pos_embed': 'pos_embed'}
    for leaf in ('weight', 'bias'):
        names[f'patch_embed.projection.{leaf}'] = f'patch_embed.proj.{leaf}'
        names[f'ln1.{leaf}'] = f'norm.{leaf}'
        for i in range(count):
            for ours, theirs in (
                ('ln1', 'norm1'), ('ln2', 'norm2'), ('attn.qkv', 'attn.qkv'),
                ('attn.proj', 'attn.proj'), ('ffn.layers.0.0', 'mlp.fc1'),
                ('ffn.layers.1', 'mlp.fc2'),
            ):  # fmt: skip
                names[f'layers.{i}.{ours}.{leaf}'] = f'blocks.{i}.{theirs}.{leaf}'
    return names


VIT_CASES = {  # recipe, content, key of its tensors, the encoder's prefix, bands
    'moco-vit': (published.moco_vit, 'state_dict', 'module.base_encoder.', 13),
    'moco-vit-momentum': (published.moco_vit, 'state_dict', 'module.momentum_encoder.', 13),
    'dino-vit': (published.dino_vit, 'teacher', 'backbone.', 13),
    'dino-vit-student': (published.dino_vit, 'student', 'module.backbone.', 13),
    'mae': (published.mae, 'model', '', 13),
    'decur-vit-s1': (published.decur_vit, 'model', 'module.backbone_1.', 2),
    'decur-vit-s2': (published.decur_vit, 'model', 'module.backbone_2.', 13),
}


@pytest.mark.parametrize('case', VIT_CASES)
def test_plain_transformers_key_by_key_and_back(case):
    make, key, prefix, bands = VIT_CASES[case]
    recipe, content = SSL4EO[case], make()
    conversion = convert_encoder(content, 'in.pth', recipe)
    check_account(conversion, content[key], ours_of_vit(), prefix)
    model = MODELS.build(
        {
            'type': 'mmpretrain.VisionTransformer', 'img_size': 32, 'patch_size': 16,
            'in_channels': bands, 'out_type': 'featmap',
            'arch': {'embed_dims': 64, 'num_layers': 2, 'num_heads': 1,
                     'feedforward_channels': 256},
        }
    )  # fmt: skip
    model.load_state_dict(conversion.state, strict=True)
    assert f'img_size=32, patch_size=16, in_channels={bands}' in str(conversion)
    back = to_published({'state_dict': conversion.state}, 'ours.pth', recipe)[recipe.containers[0]]
    assert len(back) == len(conversion.state)
    for name, tensor in back.items():  # with the usual prefix
        short = name.removeprefix(recipe.prefixes[0])
        assert torch.equal(tensor, content[key][prefix + short]), name


def test_a_transformer_gives_what_its_method_computes():
    """A plain pre-norm transformer written out, on the published names."""
    shapes = published.vit_names(13)
    generator = torch.Generator().manual_seed(0)
    state = {name: torch.randn(s, generator=generator) / 8 for name, s in shapes.items()}
    conversion = convert_encoder({'model': state}, 'in.pth', SSL4EO['mae'])
    model = MODELS.build(
        {
            'type': 'mmpretrain.VisionTransformer', 'img_size': 32, 'patch_size': 16,
            'in_channels': 13, 'out_type': 'raw',
            'arch': {'embed_dims': 64, 'num_layers': 2, 'num_heads': 1,
                     'feedforward_channels': 256},
        }
    )  # fmt: skip
    model.eval()
    model.load_state_dict(conversion.state)
    image = torch.randn(1, 13, 32, 32, generator=generator)

    def norm(x, name):
        return F.layer_norm(x, (64,), state[f'{name}.weight'], state[f'{name}.bias'], 1e-6)

    def linear(x, name):
        return x @ state[f'{name}.weight'].T + state[f'{name}.bias']

    stem = F.conv2d(
        image, state['patch_embed.proj.weight'], state['patch_embed.proj.bias'], stride=16
    )
    x = torch.cat([state['cls_token'], stem.flatten(2).transpose(1, 2)], 1) + state['pos_embed']
    for i in range(2):
        q, k, v = linear(norm(x, f'blocks.{i}.norm1'), f'blocks.{i}.attn.qkv').chunk(3, -1)
        attention = (q @ k.transpose(1, 2) / 64**0.5).softmax(-1) @ v
        x = x + linear(attention, f'blocks.{i}.attn.proj')
        hidden = F.gelu(linear(norm(x, f'blocks.{i}.norm2'), f'blocks.{i}.mlp.fc1'))
        x = x + linear(hidden, f'blocks.{i}.mlp.fc2')
    with torch.no_grad():
        torch.testing.assert_close(model(image)[0], norm(x, 'norm'), rtol=1e-4, atol=1e-4)


def test_backbones_alone():
    content = {'state_dict': published.numbered(published.resnet_names(18, 13))}
    for changed in (content, content['state_dict']):
        assert detect(changed, 'in.pth', SSL4EO) == 'resnet'
        assert len(convert_encoder(changed, 'in.pth', SSL4EO['resnet']).state) == 120
    alone = published.numbered(published.vit_names(2))
    assert detect(alone, 'in.pth', SSL4EO) == 'mae'
    conversion = convert_encoder(alone, 'in.pth', SSL4EO['mae'])
    check_account(conversion, alone, ours_of_vit(), '')
    attention = {**published.prefixed('backbone.', published.resnet_names(18, 2)), 'da1_l3.w': (2,)}
    conversion = convert_encoder(published.numbered(attention), 'in.pth', SSL4EO['resnet'])
    assert 'dropped: 1 tensors, deformable attention between the stages' in str(conversion)


@pytest.mark.parametrize('depth', [34, 101, 152])
def test_other_depths(depth):
    with torch.device('meta'):
        backbone = MODELS.build({'type': 'ResNet', 'depth': depth, 'in_channels': 13})
    shapes = {name: tuple(t.shape) for name, t in backbone.state_dict().items()}
    state = published.numbered(published.prefixed('module.encoder_q.', shapes))
    conversion = convert_encoder({'state_dict': state}, 'in.pth', SSL4EO['moco'])
    assert conversion.state.keys() == shapes.keys()
    assert f'depth={depth}, in_channels=13' in str(conversion)


def test_deformable_attention_is_dropped_and_listed():
    content = published.decur(18, attention=True)
    conversion = convert_encoder(content, 'in.pth', SSL4EO['decur-s2'])
    (names,) = (n for why, n in conversion.dropped.items() if why.startswith('deformable'))
    assert sorted(names) == ['module.da1_l3.proj_q.weight', 'module.da2_l4.rpe_table']


def test_satmae_plus_plus(tmp_path):
    encoder, rest = published.satmae(plus=True)
    file = tmp_path / 'in.pth'
    torch.save({'model': encoder | rest, 'epoch': 1, 'args': published.options()}, file)
    conversion = convert_encoder(read_foreign_checkpoint(file), 'in.pth', SATMAE['satmae'])
    assert conversion.state.keys() == {*encoder, 'channel_cls_embed'}
    assert sorted(n for names in conversion.dropped.values() for n in names) == sorted(rest)
    assert 'dropped: 6 tensors, the decoder for larger images of SatMAE++' in str(conversion)


def test_a_converted_resnet_fills_mmsegs(tmp_path):
    content = published.moco(18)
    conversion = convert_encoder(content, 'in.pth', SSL4EO['moco'])
    file = tmp_path / 'moco.pth'
    torch.save(conversion.checkpoint('in.pth'), file)
    backbone = MODELS.build(
        ConfigDict(
            type='ResNet',
            depth=18,
            in_channels=13,
            init_cfg={'type': 'Pretrained', 'checkpoint': str(file)},
        )
    )
    backbone.init_weights()
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, content['state_dict'][f'module.encoder_q.{name}']), name
    assert torch.load(file, weights_only=True)['meta']['converted_from'] == 'in.pth'


@pytest.mark.parametrize('container', ['', 'model'])
def test_dofa_key_by_key_and_back(container):
    encoder, rest = published.dofa()
    content = {**encoder, **rest}
    content = {container: content, 'epoch': 1} if container else content
    conversion = convert_encoder(content, 'in.pth', DOFA['dofa'])
    assert conversion.state.keys() == encoder.keys()
    assert all(tensor is encoder[name] for name, tensor in conversion.state.items())
    assert sorted(n for names in conversion.dropped.values() for n in names) == sorted(rest)
    assert conversion.other == (['epoch'] if container else [])
    back = to_published({'state_dict': conversion.state}, 'ours.pth', DOFA['dofa'])
    assert all(torch.equal(back[name], tensor) for name, tensor in encoder.items())
    model = MODELS.build(
        {
            'type': 'mmss_plugins.DOFAViT', 'bands': 's2:9', 'img_size': 32, 'patch_size': 8,
            'out_indices': [1],
            'arch': {'embed_dims': 24, 'num_layers': 2, 'num_heads': 2, 'mlp_ratio': 2},
        }
    )  # fmt: skip
    model.load_state_dict(conversion.state, strict=True)
    assert 'img_size=32, patch_size=8' in str(conversion)


@pytest.mark.parametrize('finetuned', [False, True])
def test_satmae_key_by_key_and_back(finetuned):
    encoder, rest = published.satmae(finetuned=finetuned)
    conversion = convert_encoder({'model': encoder | rest, 'epoch': 1}, 'in.pth', SATMAE['satmae'])
    added = [] if finetuned else ['channel_cls_embed']
    assert conversion.added == added
    assert conversion.state.keys() == {*encoder, 'channel_cls_embed'}
    assert all(conversion.state[name] is tensor for name, tensor in encoder.items())
    assert sorted(n for names in conversion.dropped.values() for n in names) == sorted(rest)
    assert ('set to zero: channel_cls_embed' in str(conversion)) is not finetuned
    if not finetuned:
        assert not conversion.state['channel_cls_embed'].any()
    back = to_published({'state_dict': conversion.state}, 'ours.pth', SATMAE['satmae'])
    assert all(torch.equal(back['model'][name], tensor) for name, tensor in encoder.items())
    model = MODELS.build(
        {
            'type': 'mmss_plugins.SatMAEViT', 'img_size': 32, 'group_dims': 8, 'out_indices': [1],
            'arch': {'embed_dims': 24, 'num_layers': 2, 'num_heads': 2},
        }
    )  # fmt: skip
    model.load_state_dict(conversion.state, strict=True)
    assert 'groups=(...) of [4, 4, 2] channels' in str(conversion)


def test_what_the_published_sizes_are_called():
    encoder, rest = published.dofa(dims=768, count=12, patch=16, places=196)
    # a wider perceptron is all that the small ones differ in
    encoder = {
        name: torch.zeros(1).expand(*(s * 2 if s == 1536 else s for s in tensor.shape))
        if 'mlp' in name
        else tensor
        for name, tensor in encoder.items()
    }
    text = str(convert_encoder(encoder | rest, 'in.pth', DOFA['dofa']))
    assert "arch='base', img_size=224, patch_size=16" in text


def test_other_prefixes():
    conversion = convert_encoder(published.dino(18, module=''), 'in.pth', SSL4EO['dino'])
    assert conversion.prefix == 'backbone.'
    conversion = convert_encoder(
        published.satlas(18, 'backbone.backbone.resnet.'), 'in.pth', SATLAS['satlas']
    )
    assert conversion.prefix == 'backbone.backbone.resnet.'


def test_the_kind_is_told_by_the_names():
    assert detect(published.moco(18), 'in.pth', SSL4EO) == 'moco'
    assert detect(published.dino(18), 'in.pth', SSL4EO) == 'dino'
    assert detect(published.moco_vit(), 'in.pth', SSL4EO) == 'moco-vit'
    assert detect(published.dino_vit(), 'in.pth', SSL4EO) == 'dino-vit'
    assert detect(published.mae(), 'in.pth', SSL4EO) == 'mae'
    for make, names in ((published.decur, 'decur-s1, decur-s2'),
                        (published.decur_vit, 'decur-vit-s1, decur-vit-s2')):  # fmt: skip
        with pytest.raises(CheckpointFileError, match=f'holds 2 encoders: choose .*: {names}'):
            detect(make(), 'in.pth', SSL4EO)
    with pytest.raises(
        CheckpointFileError,
        match=r"in.pth: expected one of .*module.encoder_q.*; but the file holds 'weights'",
    ):
        detect({'weights': 1}, 'in.pth', SSL4EO)
    with pytest.raises(CheckpointFileError, match=r"but its 'state_dict' holds 'net.encoder.x'"):
        detect({'state_dict': {'net.encoder.x': torch.zeros(1)}}, 'in.pth', SSL4EO)


def broken(change):
    content = published.moco(18)
    change(content['state_dict'])
    return content


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda s: s.pop('module.encoder_q.layer2.0.conv1.weight'), 'not in the checkpoint'),
        (
            lambda s: s.update({'module.encoder_q.bn1.bias': torch.zeros(3)}),
            r'bn1.bias: \(64,\) here, \(3,\) in the checkpoint',
        ),
        (
            lambda s: s.update({'module.encoder_q.layer1.0.se.weight': torch.zeros(3)}),
            'in the checkpoint, but not in the module',
        ),
        (lambda s: s.update({'module.predictor.weight': torch.zeros(3)}), 'unknown tensors beside'),
        (lambda s: s.pop('module.encoder_q.conv1.weight'), 'expected a checkpoint of MoCo'),
        (
            lambda s: [s.pop(n) for n in list(s) if '.layer4.' in n],
            r'expected a ResNet of depth 18, .*\(2, 2, 2, 0\)',
        ),
    ],
)
def test_what_is_unknown_missing_or_other_is_an_error(change, message):
    with pytest.raises(ConversionError, match=message):
        convert_encoder(broken(change), 'in.pth', SSL4EO['moco'])


def test_counters_of_batch_norm_may_be_missing():
    content = published.moco(18)
    state = {n: t for n, t in content['state_dict'].items() if 'num_batches' not in n}
    assert convert_encoder({'state_dict': state}, 'in.pth', SSL4EO['moco']).report.complete


def test_unknown_tensors_can_be_dropped():
    content = broken(lambda s: s.update({'module.predictor.weight': torch.zeros(3)}))
    conversion = convert_encoder(content, 'in.pth', SSL4EO['moco'], ['module.predictor.'])
    assert conversion.dropped['as --drop says'] == ['module.predictor.weight']


def test_what_is_no_tensor_is_an_error():
    content = published.moco(18)
    content['state_dict']['module.queue'] = [1, 2]
    with pytest.raises(CheckpointFileError, match='expected a tensor'):
        convert_encoder(content, 'in.pth', SSL4EO['moco'])


@pytest.mark.parametrize('recipe', [DOFA['dofa'], SATMAE['satmae']])
def test_vits_without_their_blocks_are_refused(recipe):
    encoder, _ = (published.dofa if recipe is DOFA['dofa'] else published.satmae)()
    content = {'model': {n: t for n, t in encoder.items() if not n.startswith('blocks.0.mlp')}}
    with pytest.raises(ConversionError, match=r'in\.pth: not an encoder of'):
        convert_encoder(content, 'in.pth', recipe)
