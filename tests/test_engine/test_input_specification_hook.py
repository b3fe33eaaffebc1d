from types import SimpleNamespace

import pytest
import torch
from helpers.paths import ROOT
from helpers.published_networks import published_state
from helpers.store_factory import write_dfc_store
from helpers.store_runs import data, downstream, log_of, make_runner, pretraining
from helpers.tiny_segmentation import Samples
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import BaseLoop, Runner
from torch.utils.data import DataLoader

from mmss_plugins.checkpoints import InputSpecification, InputSpecificationError, specification_of
from mmss_plugins.checkpoints.convert.cromss_cli import main
from mmss_plugins.checkpoints.transfer.report import TransferError
from mmss_plugins.datasets import DFC2020Dataset
from mmss_plugins.engine.hooks.input_specification_hook import InputSpecificationHook, _seen

CONFIGS = ROOT / 'configs'
NINE = ('B2', 'B3', 'B4', 'B5', 'B6', 'B7', 'B8', 'B11', 'B12')


pytestmark = pytest.mark.usefixtures('quick_runs')


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('store') / 'dfc.lmdb'
    write_dfc_store(path, size=32)
    return str(path)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, store):
    """Written by MMEngine while it trained on 2 + 13 bands, clip8."""
    work_dir = tmp_path_factory.mktemp('pretraining')
    make_runner(work_dir, pretraining(), data(store)).train()
    DefaultScope._instance_dict.clear()
    return work_dir / 'iter_1.pth'


def spec(file):
    return specification_of(torch.load(file, weights_only=True), str(file))


def test_checkpoints_carry_it(checkpoint):
    found = spec(checkpoint)
    assert isinstance(found, InputSpecification)
    assert [(n, len(m.bands), m.values) for n, m in found.modalities.items()] == [
        ('s1', 2, '0..1'),
        ('s2', 13, '0..1'),
    ]
    assert found.classes == DFC2020Dataset.METAINFO['classes']
    assert found.method == 'CromSS'
    assert found.settings['consistency'] == {'type': 'mmss_plugins.ConsistencyLoss'}


def test_an_encoder_goes_where_its_inputs_are_the_same(checkpoint, store, tmp_path):
    # 8 bits divided by the data preprocessor there, floats here: the same to the network
    dataloader = data(store, modality='s2', image_dtype='float32')
    make_runner(tmp_path, downstream(checkpoint), dataloader).train()
    log = log_of(tmp_path)
    line = f'backbone from {checkpoint} (prefix backbones.s2) fits the data'
    assert log.count(line) == 1
    assert 'differs' not in log
    found = spec(tmp_path / 'iter_1.pth')
    assert list(found.modalities) == ['s2']
    assert found.method == 'EncoderDecoder'


def test_more_or_fewer_bands_than_the_stem_takes_are_errors(store, tmp_path):
    model = downstream(None)
    model['backbone']['init_cfg'] = None
    with pytest.raises(
        InputSpecificationError, match=r'gives 9 channels \(B2, B3.*takes 13: set model'
    ):
        make_runner(tmp_path, model, data(store, modality='s2', bands=9)).train()
    model['backbone']['in_channels'] = 9
    make_runner(tmp_path, model, data(store, modality='s2', bands=9)).train()


RGB_MEAN = {'mean': [0.5] * 13, 'std': [0.2] * 13}


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'bands': 9}, ['13: B1 B2', '9: B2 B3', 'in_channels=13']),
        ({'bands': ['B12', *(f'B{i}' for i in range(1, 9)), 'B8A', 'B9', 'B10', 'B11']},
         ['13: B12 B1 B2', 's2 bands']),
        ({'normalize': 'standardise'}, ["set normalize='clip8'", '0..1', 'standardised']),
        ({'normalize': None}, ["set normalize='clip8'", 'physical']),
        ({'modality': 's1'}, ['modalities', "prefix='backbones.s1.'"]),
        ({'modality': 's12'}, ['modalities', '2: s1 s2']),
        ({'mean': RGB_MEAN}, ['s2 input_mean', 's2 input_std', 'set mean=None']),
    ],
)  # fmt: skip
def test_other_inputs_are_an_error_before_anything_is_loaded(
    checkpoint, store, tmp_path, change, said
):
    change = dict(change)
    model = downstream(checkpoint)
    model['data_preprocessor'].update(change.pop('mean', {}))
    runner = make_runner(tmp_path, model, data(store, **{'modality': 's2', **change}))
    with pytest.raises(InputSpecificationError) as error:
        runner.train()
    text = str(error.value)
    assert f'backbone from {checkpoint} (prefix backbones.s2)' in text
    assert '<- differs' in text
    for part in (*said, 'allow_mismatch=True'):
        assert part in text, text
    assert runner.iter == 0
    assert 'tensors loaded' not in log_of(tmp_path)


def test_another_band_count_is_explained_before_the_shapes_are(checkpoint, store, tmp_path):
    model = downstream(checkpoint, 'backbones.s2', in_channels=9)
    with pytest.raises(InputSpecificationError, match='set bands='):
        make_runner(tmp_path, model, data(store, modality='s2', bands=9)).train()


def test_allowed_mismatches_are_warned_of_once(checkpoint, store, tmp_path):
    hook = {'allow_mismatch': True}
    dataloader = data(store, modality='s2', normalize='standardise')
    make_runner(tmp_path, downstream(checkpoint), dataloader, hook=hook).train()
    log = log_of(tmp_path)
    assert log.count('was trained on other inputs') == 1
    assert 'WARNING' in log
    assert '126 of 126 tensors loaded' in log
    assert spec(tmp_path / 'iter_1.pth').modalities['s2'].normalize == 'standardise'


def other_classes():
    return {'metainfo': {'classes': tuple(reversed(DFC2020Dataset.METAINFO['classes']))}}


def test_classes_count_for_whole_models_only(checkpoint, store, tmp_path):
    dataloader = data(store, modality='s2', **other_classes())
    make_runner(tmp_path / 'encoder', downstream(checkpoint), dataloader).train()
    whole = data(store, **other_classes())
    kwargs = {'load_from': str(checkpoint)}
    with pytest.raises(InputSpecificationError, match='classes'):
        make_runner(tmp_path / 'whole', pretraining(), whole, **kwargs).train()
    with pytest.raises(InputSpecificationError, match='classes'):
        make_runner(tmp_path / 'test', pretraining(), whole, test=True, **kwargs).test()


@pytest.mark.parametrize('way', ['load_from', 'resume', 'auto resume', 'test', 'by hand'])
@pytest.mark.parametrize('right', [True, False])
def test_whole_models_are_held_to_it(checkpoint, store, tmp_path, way, right, monkeypatch):
    loaded, load = [], Runner.load_checkpoint
    monkeypatch.setattr(
        Runner, 'load_checkpoint', lambda *args, **kw: [loaded.append(1), load(*args, **kw)][1]
    )
    dataloader = data(store) if right else data(store, normalize='standardise')
    kwargs = {'load_from': str(checkpoint), 'test': way == 'test', 'max_iters': 2}
    if way in ('resume', 'auto resume'):
        kwargs['resume'] = True
    if way == 'auto resume':
        kwargs['load_from'] = None
        (tmp_path / 'last_checkpoint').write_text(str(checkpoint))
    if way == 'by hand':
        kwargs['load_from'] = None
    runner = make_runner(tmp_path, pretraining(), dataloader, **kwargs)

    def run():
        if way == 'by hand':
            runner.load_checkpoint(str(checkpoint))
        return runner.test() if way == 'test' else runner.train()

    if right:
        run()
        assert log_of(tmp_path).count('fits the data') == 1
    else:
        with pytest.raises(InputSpecificationError, match=r'model from [\s\S]*s2 normalize'):
            run()
        assert log_of(tmp_path).count('tensors loaded') == 0
        assert bool(loaded) == (way == 'by hand')  # the others are told before anything is loaded


def test_a_checkpoint_loaded_in_a_running_training_is_compared(checkpoint, store, tmp_path):
    runner = make_runner(tmp_path, pretraining(), data(store, normalize=None))
    runner.train()
    with pytest.raises(InputSpecificationError, match='s2 normalize'):
        runner.load_checkpoint(str(checkpoint))


@pytest.mark.parametrize('bands', [13, 9])
def test_one_modality_of_a_cross_modal_model_can_be_tested_alone(
    checkpoint, store, tmp_path, bands
):
    model = pretraining(test_cfg={'predict': 's2'})
    dataloader = data(store, modality='s2', bands=bands)
    runner = make_runner(tmp_path, model, dataloader, test=True, load_from=str(checkpoint))
    if bands == 13:
        assert 'mIoU' in runner.test()
        return
    with pytest.raises(InputSpecificationError, match='s2 bands'):
        runner.test()


def test_testing_one_modality_needs_the_model_to_predict_from_it(checkpoint, store, tmp_path):
    runner = make_runner(
        tmp_path, pretraining(), data(store, modality='s2'), test=True, load_from=str(checkpoint)
    )
    with pytest.raises(InputSpecificationError, match='modalities'):
        runner.test()


def test_without_a_specification_there_is_a_line(checkpoint, store, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    del content['meta']['input_contract']
    old = tmp_path / 'old.pth'
    torch.save(content, old)
    dataloader = data(store, modality='s2', normalize=None)
    make_runner(tmp_path / 'encoder', downstream(old), dataloader).train()
    assert log_of(tmp_path / 'encoder').count('carries none, bands are not compared') == 1
    kwargs = {'load_from': str(old)}
    make_runner(tmp_path / 'whole', pretraining(), data(store, normalize=None), **kwargs).train()
    assert log_of(tmp_path / 'whole').count('carries none, bands are not compared') == 1


def test_a_broken_specification_is_an_error(checkpoint, store, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    content['meta']['input_contract']['format'] = 99
    torch.save(content, tmp_path / 'new.pth')
    model, dataloader = downstream(tmp_path / 'new.pth'), data(store, modality='s2')
    with pytest.raises(
        InputSpecificationError, match=r'new\.pth: expected an input specification of format'
    ):
        make_runner(tmp_path / 'a', model, dataloader).train()
    hook = {'allow_mismatch': True}
    make_runner(tmp_path / 'b', model, dataloader, hook=hook).train()
    assert 'of format 1, but found 99' in log_of(tmp_path / 'b')


def foreign_runner(model):
    """What the hook needs of a runner that trains on a data set which is not ours."""
    messages = []
    logger = SimpleNamespace(info=messages.append, warning=messages.append)
    loop = BaseLoop.__new__(type('Loop', (BaseLoop,), {'run': lambda self: None}))
    loop.dataloader = DataLoader(Samples(13))
    return messages, SimpleNamespace(
        model=model, logger=logger, cfg={}, _train_loop=loop, _test_loop=None, _val_loop=None,
        _has_loaded=False, _resume=False, _load_from=None, work_dir='.',
    )  # fmt: skip


def test_foreign_data_sets_are_no_trouble(checkpoint):
    module = torch.nn.Conv2d(13, 4, 1)
    module.init_cfg = {
        'type': 'Pretrained', 'checkpoint': str(checkpoint), 'prefix': 'backbones.s2.'
    }  # fmt: skip
    messages, runner = foreign_runner(torch.nn.ModuleDict({'backbone': module}))
    hook, content = InputSpecificationHook(), {'meta': {}}
    hook.before_run(runner)
    hook.before_save_checkpoint(runner, content)
    assert content == {'meta': {}}
    (message,) = messages
    assert 'the data set of the run does not give its bands' in message


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """A published checkpoint for nine bands, converted: the S2 encoder alone."""
    folder = tmp_path_factory.mktemp('published')
    state = {f'net.{n}': t for n, t in published_state('late2_resnet18', bands=9).items()}
    torch.save({'state_dict': state}, folder / 'theirs.ckpt')
    out = folder / 's2.pth'
    assert main([str(folder / 'theirs.ckpt'), str(out), '--modality', 's2']) == 0
    return out


@pytest.mark.parametrize('bands', [9, list(NINE), list(reversed(NINE)), 13])
def test_published_encoders_say_their_bands(published, store, tmp_path, bands):
    model = downstream(published, prefix=None, in_channels=9)
    model['backbone']['base_channels'] = model['backbone']['stem_channels'] = 64
    model['decode_head']['in_channels'] = 512
    runner = make_runner(tmp_path, model, data(store, modality='s2', bands=bands))
    if bands in (9, list(NINE)):
        runner.train()
        assert '120 of 120 tensors loaded' in log_of(tmp_path)
        assert 'fits the data' in log_of(tmp_path)
    else:
        with pytest.raises(InputSpecificationError, match=r's2 bands +9: B2 B3'):
            runner.train()


@pytest.mark.parametrize(
    ('place', 'seen'),
    [
        ('', ('s1', 's2')),
        ('backbone', ('s1', 's2')),
        ('model.backbone', ('s1', 's2')),
        ('backbones.s2', ('s2',)),
        ('model.backbones.s1', ('s1',)),
        ('backbones.common', ('s1', 's2')),
        ('backbones.optical', None),
        ('backbones', None),
        ('decode_head', None),
        ('decode_heads.shared', None),
    ],
)
def test_which_bands_a_module_sees(place, seen):
    assert _seen(place, ('s1', 's2')) == seen


def test_the_two_hooks_work_together(checkpoint, store, tmp_path):
    """A wrong prefix of the right modality is the other hook's to tell."""
    model = downstream(checkpoint)
    model['backbone']['depth'] = 34
    with pytest.raises(TransferError, match='another architecture'):
        make_runner(tmp_path, model, data(store, modality='s2')).train()


def test_every_run_has_the_hook():
    cfg = Config.fromfile(CONFIGS / '_base_' / 'default_runtime.py')
    types = [hook.type for hook in cfg.custom_hooks]
    assert 'mmss_plugins.InputSpecificationHook' in types
