import foreign_checkpoints as published
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope, init_default_scope
from mmseg.registry import MODELS

from mmss_plugins.checkpoints import CheckpointFileError, ConversionError
from mmss_plugins.checkpoints.encoder_conversion import convert_encoder, detect, to_published
from mmss_plugins.checkpoints.resnet_recipes import SATLAS, SSL4EO
from mmss_plugins.checkpoints.vit_recipes import DOFA, SATMAE


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


CASES = {  # recipe, content, key of its tensors, the encoder's prefix, bands
    'moco': (SSL4EO['moco'], published.moco, 'state_dict', 'module.encoder_q.', 13),
    'dino': (SSL4EO['dino'], published.dino, 'teacher', 'module.backbone.', 13),
    'decur-s1': (SSL4EO['decur-s1'], published.decur, 'model', 'module.backbone_1.', 2),
    'decur-s2': (SSL4EO['decur-s2'], published.decur, 'model', 'module.backbone_2.', 13),
    'satlas': (SATLAS['satlas'], published.satlas, '', 'backbone.resnet.', 9),
}


@pytest.mark.parametrize('depth', [18, 50])
@pytest.mark.parametrize('case', CASES)
def test_resnets_key_by_key_and_back(case, depth):
    recipe, make, key, prefix, bands = CASES[case]
    content = make(depth)
    theirs = content[key] if key else content
    names = published.resnet_names(depth, bands)
    conversion = convert_encoder(content, 'in.pth', recipe)
    assert conversion.state.keys() == names.keys()
    for name, tensor in conversion.state.items():
        assert tensor is theirs[prefix + name], name  # the same tensor, not one alike
    accounted = [prefix + name for name in conversion.state]
    accounted += [name for names in conversion.dropped.values() for name in names]
    assert sorted(accounted) == sorted(theirs)
    assert f'{len(names)} of {len(names)} tensors of the encoder (prefix {prefix})' in str(
        conversion
    )
    back = to_published({'state_dict': conversion.state}, 'ours.pth', recipe)
    back = back[key] if key else back
    assert back.keys() == {prefix + name for name in names}
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in back.items())


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
    with pytest.raises(CheckpointFileError, match=r"holds 2 encoders.*'decur-s1', 'decur-s2'"):
        detect(published.decur(18), 'in.pth', SSL4EO)
    with pytest.raises(CheckpointFileError, match=r'in.pth: expected one of .*module.encoder_q.'):
        detect({'weights': 1}, 'in.pth', SSL4EO)


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
            r'expected a ResNet-18 or -50.*\(2, 2, 2, 0\)',
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
