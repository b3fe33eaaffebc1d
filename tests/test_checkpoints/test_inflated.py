import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope, init_default_scope
from mmpretrain.registry import MODELS as PRETRAIN_MODELS
from mmseg.registry import MODELS

from mmss_plugins.checkpoints import CheckpointFileError, Inflation, TransferError
from mmss_plugins.checkpoints.transfer.inflated import load_from_inflation
from mmss_plugins.checkpoints.transfer.stem_inflation import inflate_stem
from mmss_plugins.engine.hooks import TransferReportHook

RESNET = {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'stem_channels': 4}
VIT = {
    'type': 'mmpretrain.VisionTransformer',
    'arch': {'embed_dims': 24, 'num_layers': 1, 'num_heads': 2, 'feedforward_channels': 24},
    'img_size': 32,
    'out_type': 'featmap',
}


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


def saved(folder, cfg, registry=MODELS):
    torch.manual_seed(0)
    model = registry.build({**cfg, 'in_channels': 3})
    file = folder / 'rgb.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {'input_contract': {'format': 1}}}, file)
    return model.state_dict(), file


def initialised(cfg, name, registry=MODELS):
    backbone = registry.build({**cfg, 'init_cfg': {'type': 'Pretrained', 'checkpoint': name}})
    backbone.init_weights()
    return backbone


def check(model):
    runner = SimpleNamespace(model=model, _has_loaded=False, logger=logging.getLogger('test'))
    TransferReportHook().before_train(runner)


def report(model, caplog):
    with caplog.at_level(logging.INFO):
        check(model)
    return caplog.text


def test_a_stock_resnet_starts_from_rgb_and_the_report_says_how(tmp_path, caplog):
    state, file = saved(tmp_path, RESNET)
    name = f'inflate://{file}?bands=s2:13&mode=wavelength'
    backbone = initialised({**RESNET, 'in_channels': 13}, name)
    new = backbone.state_dict()
    for key, tensor in state.items():
        if key != 'conv1.weight':
            assert torch.equal(new[key], tensor), key
    red, green, blue = state['conv1.weight'].unbind(1)
    torch.testing.assert_close(new['conv1.weight'][:, 3], red * 3 / 13)  # B4
    torch.testing.assert_close(new['conv1.weight'][:, 2], green * 3 / 13)  # B3
    torch.testing.assert_close(new['conv1.weight'][:, 0], blue * 3 / 13)  # B1, beyond blue
    assert 'conv1.weight made for 13 bands from 3 (mode wavelength)' in report(backbone, caplog)


def test_a_vision_transformer_of_mmpretrain(tmp_path, caplog):
    state, file = saved(tmp_path, VIT, PRETRAIN_MODELS)
    vit = initialised({**VIT, 'in_channels': 5}, f'inflate://{file}?bands=5', PRETRAIN_MODELS)
    name = 'patch_embed.projection.weight'
    assert torch.equal(vit.state_dict()[name], inflate_stem(state[name], 5, 'mean'))
    assert f'{name} made for 5 bands from 3 (mode mean)' in report(vit, caplog)


def test_another_number_of_bands_than_the_network_takes_is_an_error(tmp_path):
    _, file = saved(tmp_path, RESNET)
    backbone = initialised({**RESNET, 'in_channels': 13}, f'inflate://{file}?bands=12')
    with pytest.raises(TransferError, match='other band count'):
        check(backbone)


def test_the_old_bands_specification_goes(tmp_path):
    _, file = saved(tmp_path, RESNET)
    assert 'input_contract' not in load_from_inflation(f'inflate://{file}?bands=4')['meta']


def test_one_of_several_stems_is_named(tmp_path):
    state, _ = saved(tmp_path, RESNET)
    both = {f'backbones.{m}.{k}': v for m in ('s1', 's2') for k, v in state.items()}
    file = tmp_path / 'both.pth'
    torch.save(both, file)
    with pytest.raises(CheckpointFileError, match=r'backbones\.s1\.conv1.*backbones\.s2\.conv1'):
        load_from_inflation(f'inflate://{file}?bands=4')
    stem = 'backbones.s2.conv1.weight'
    new = load_from_inflation(f'inflate://{file}?bands=4&stem={stem}')['state_dict']
    assert new[stem].shape[1] == 4
    assert new['backbones.s1.conv1.weight'].shape[1] == 3
    with pytest.raises(CheckpointFileError, match="no convolution 'gone'"):
        load_from_inflation(f'inflate://{file}?bands=4&stem=gone')


def test_names_are_read():
    wanted = Inflation.parse('inflate://https://host/a?b.pth?bands=B2,0.6&mode=repeat&source=s2:9')
    assert wanted.checkpoint == 'https://host/a?b.pth'
    assert (wanted.bands, wanted.target, wanted.mode) == (2, (0.49, 0.6), 'repeat')
    assert len(wanted.source) == 9
    assert Inflation.parse('inflate://a.pth?bands=7').source == (0.665, 0.56, 0.49)


@pytest.mark.parametrize(
    ('query', 'message'),
    [('', 'expected inflate://'), ('?mode=mean', 'expected inflate://'),
     ('?bands=3&mood=mean', 'expected inflate://'), ('?bands=3&mode=x', "got 'x'"),
     ('?bands=3&mode=wavelength', 'needs to know the bands'), ('?bands=B99', 'B99')],
)  # fmt: skip
def test_names_of_another_form_are_refused(query, message):
    with pytest.raises(ValueError, match=message):
        Inflation.parse(f'inflate://a.pth{query}')


def test_no_file_is_told(tmp_path):
    with pytest.raises(CheckpointFileError, match='no such file'):
        load_from_inflation(f'inflate://{tmp_path}/gone.pth?bands=3')
