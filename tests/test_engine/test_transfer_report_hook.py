import copy
import logging
from types import SimpleNamespace

import pytest
import torch
from helpers.tiny_segmentation import cross_modal_model, loader
from mmengine.config import ConfigDict
from mmengine.model import BaseModel, PretrainedInit
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn

from mmss_plugins.checkpoints import TransferError
from mmss_plugins.engine.hooks import TransferReportHook
from mmss_plugins.engine.hooks.transfer_report_hook import pretrained_modules

RESNET18_TENSORS = 126  # 17 + 4 (down-sampling) convolutions, as many batch norms of 5 tensors


pytestmark = pytest.mark.usefixtures('quick_runs')


def make_runner(work_dir, model, bands, max_iters=1, lr=0.0, hook=None, **kwargs):
    return Runner(
        model=ConfigDict(
            model, data_preprocessor={'type': 'mmss_plugins.MultiBandSegDataPreProcessor'}
        ),
        work_dir=str(work_dir),
        train_dataloader=loader(bands),
        train_cfg={'type': 'IterBasedTrainLoop', 'max_iters': max_iters},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': lr}},
        default_hooks={'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': False}},
        custom_hooks=[{'type': 'mmss_plugins.TransferReportHook', **(hook or {})}],
        default_scope='mmseg',
        experiment_name=work_dir.name,
        log_level='INFO',
        **kwargs,
    )


def log_of(work_dir):
    return '\n'.join(file.read_text() for file in sorted(work_dir.rglob('*.log')))


RESNET = {'depth': 18, 'base_channels': 4}


def downstream(checkpoint, prefix='backbones.s2.', kind='ResNet', in_channels=13, **kwargs):
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(checkpoint), 'prefix': prefix}
    return {
        'type': 'EncoderDecoder',
        'backbone': {
            **RESNET,
            'type': kind,
            'in_channels': in_channels,
            'init_cfg': init_cfg,
            **kwargs,
        },
        'decode_head': {'type': 'FCNHead', 'in_channels': 32, 'channels': 4, 'num_classes': 3},
        'test_cfg': {'mode': 'whole'},
    }


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    """A checkpoint that MMEngine wrote while it trained the cross-modal segmentor."""
    work_dir = tmp_path_factory.mktemp('pretraining')
    make_runner(work_dir, cross_modal_model(), bands=15, lr=0.1).train()
    return work_dir / 'iter_1.pth'


def test_encoder_goes_straight_into_a_stock_segmentor(checkpoint, tmp_path):
    runner = make_runner(tmp_path, downstream(checkpoint), bands=13)
    runner.train()  # with lr = 0
    line = (
        f'backbone: {RESNET18_TENSORS} of {RESNET18_TENSORS} tensors loaded from {checkpoint} '
        f'(prefix backbones.s2.)'
    )
    assert log_of(tmp_path).count(line) == 1
    state = torch.load(checkpoint, weights_only=True)['state_dict']
    for name, parameter in runner.model.backbone.named_parameters():
        assert torch.equal(parameter, state[f'backbones.s2.{name}']), name


def test_wrong_prefix_is_an_error_that_lists_the_right_ones(checkpoint, tmp_path):
    runner = make_runner(tmp_path, downstream(checkpoint, prefix='backbone'), bands=13)
    with pytest.raises(TransferError) as error:
        runner.train()
    text = str(error.value)
    assert f'backbone: 0 of {RESNET18_TENSORS} tensors loaded' in text
    assert str(checkpoint) in text
    assert f'backbones.s1. ({RESNET18_TENSORS} of {RESNET18_TENSORS} names)' in text
    assert f'backbones.s2. ({RESNET18_TENSORS} of {RESNET18_TENSORS} names)' in text
    assert runner.iter == 0


@pytest.mark.parametrize(
    ('change', 'reason'),
    [
        ({'prefix': 'backbones.s1.'}, r'other band count: conv1.weight takes 13 .* and 2 in'),
        ({'kind': 'ResNetV1c'}, r'wrong stem.*\) here'),
        ({'depth': 34}, 'another architecture'),
        ({'prefix': None}, 'wrong prefix'),
    ],
)
def test_anything_short_of_all_is_an_error(checkpoint, tmp_path, change, reason):
    model = downstream(checkpoint, **change)
    with pytest.raises(TransferError, match=reason):
        make_runner(tmp_path, model, bands=13).train()


def test_allow_partial_trains_and_warns_once(checkpoint, tmp_path):
    model = downstream(checkpoint, prefix='backbones.s1.')
    make_runner(tmp_path, model, bands=13, hook={'allow_partial': True}).train()
    log = log_of(tmp_path)
    assert log.count(f'backbone: {RESNET18_TENSORS - 1} of {RESNET18_TENSORS} tensors') == 1
    assert 'WARNING' in log
    assert 'other band count' in log


def test_a_resumed_run_keeps_the_weights_it_was_stopped_with(checkpoint, tmp_path):
    model = downstream(checkpoint)
    first = make_runner(tmp_path, model, bands=13, lr=0.1)
    first.train()
    stopped = copy.deepcopy(first.model.backbone.conv1.weight)
    resumed = make_runner(tmp_path, model, bands=13, max_iters=2, lr=0.1, resume=True)
    resumed.param_schedulers = None
    seen = []
    hook = next(h for h in resumed.hooks if isinstance(h, TransferReportHook))
    hook.before_train_iter = lambda runner, **_: seen.append(
        (runner.iter, runner.model.backbone.conv1.weight.clone())
    )
    resumed.train()
    assert [iteration for iteration, _ in seen] == [1]
    assert torch.equal(seen[0][1], stopped)
    assert log_of(tmp_path).count('the init_cfg of no module applies') == 1


def test_resume_without_anything_to_resume_still_checks(checkpoint, tmp_path):
    model = downstream(checkpoint, kind='ResNetV1c')
    with pytest.raises(TransferError, match='wrong stem'):
        make_runner(tmp_path, model, bands=13, resume=True).train()


def test_testing_does_not_ask_for_the_pretrained_file(checkpoint, tmp_path):
    runner = make_runner(
        tmp_path,
        downstream(tmp_path / 'gone.pth'),
        bands=13,
        test_dataloader=loader(13),
        test_cfg={},
        test_evaluator={'type': 'IoUMetric'},
    )
    runner.test_evaluator.dataset_meta = {'classes': list('abc')}
    assert 'mIoU' in runner.test()


def own_checkpoint(work_dir):
    """A checkpoint of the downstream model itself, trained from scratch."""
    model = downstream('unused')
    del model['backbone']['init_cfg']
    make_runner(work_dir, model, bands=13, lr=0.1).train()
    return model, work_dir / 'iter_1.pth'


def test_load_from_fills_the_whole_model_and_says_so(tmp_path):
    model, file = own_checkpoint(tmp_path / 'first')
    runner = make_runner(tmp_path / 'loaded', model, bands=13, load_from=str(file))
    runner.train()  # with lr = 0
    total = len(runner.model.state_dict())
    line = f'model: {total} of {total} tensors loaded from {file} (load_from)'
    assert log_of(tmp_path / 'loaded').count(line) == 1
    state = torch.load(file, weights_only=True)['state_dict']
    for name, parameter in runner.model.named_parameters():
        assert torch.equal(parameter, state[name]), name


def test_load_from_another_network_is_an_error(checkpoint, tmp_path):
    model = downstream(checkpoint)  # with an init_cfg that would do
    runner = make_runner(tmp_path, model, bands=13, load_from=str(checkpoint))
    with pytest.raises(TransferError, match=r'load_from has to fill the whole model') as error:
        runner.train()
    assert f'tensors loaded from {checkpoint} (load_from)' in str(error.value)
    assert 'model: 0 of ' in str(error.value)
    assert runner.iter == 0
    assert 'come from' not in log_of(tmp_path)


def test_load_from_another_network_with_allow_partial(checkpoint, tmp_path):
    model, file = own_checkpoint(tmp_path / 'first')
    model['decode_head']['channels'] = 5
    hook = {'allow_partial': True}
    make_runner(tmp_path / 'fitting', model, bands=13, hook=hook, load_from=str(file)).train()
    log = log_of(tmp_path / 'fitting')
    assert log.count('of another shape') == 1
    assert 'decode_head.conv_seg.weight: (3, 5, 1, 1) here, (3, 4, 1, 1) in the checkpoint' in log


def make_tester(work_dir, model, file, **kwargs):
    runner = make_runner(
        work_dir,
        model,
        bands=13,
        test_dataloader=loader(13),
        test_cfg={},
        test_evaluator={'type': 'IoUMetric'},
        load_from=str(file),
        **kwargs,
    )
    runner.test_evaluator.dataset_meta = {'classes': list('abc')}
    return runner


def test_testing_needs_a_checkpoint_of_the_whole_model(checkpoint, tmp_path):
    model, file = own_checkpoint(tmp_path / 'first')
    assert 'mIoU' in make_tester(tmp_path / 'right', model, file).test()
    with pytest.raises(TransferError, match=r'model: 0 of .*tensors loaded'):
        make_tester(tmp_path / 'wrong', model, checkpoint).test()
    runner = make_tester(tmp_path / 'partial', model, checkpoint, hook={'allow_partial': True})
    assert 'mIoU' in runner.test()
    assert 'model: 0 of ' in log_of(tmp_path / 'partial')


def stand_in(model):
    """What the hook needs of a runner, before the first iteration."""
    return SimpleNamespace(model=model, _has_loaded=False, logger=logging.getLogger('test'))


def stock(checkpoint):
    init_default_scope('mmseg')
    return MODELS.build(ConfigDict(downstream(checkpoint)))


def test_weights_that_are_not_the_checkpoints_are_found(checkpoint):
    model = stock(checkpoint)  # names and shapes fit, but init_weights was not called
    with pytest.raises(TransferError, match=r'with other values.*after they had been loaded'):
        _run_dotall(TransferReportHook(), model)
    model.init_weights()
    TransferReportHook().before_train(stand_in(model))
    with torch.no_grad():
        model.backbone.layer4[1].conv2.weight[0, 0, 0, 0] += 1e-3
    with pytest.raises(TransferError, match=f'{RESNET18_TENSORS - 1} of {RESNET18_TENSORS}'):
        TransferReportHook().before_train(stand_in(model))


def _run_dotall(hook, model):
    try:
        hook.before_train(stand_in(model))
    except TransferError as error:
        raise TransferError(str(error).replace('\n', ' ')) from None


def test_modules_inside_a_wrapper_are_found(checkpoint, caplog):
    model = stock(checkpoint)
    model.init_weights()
    with caplog.at_level(logging.INFO):
        TransferReportHook().before_train(stand_in(nn.DataParallel(model)))
    message = caplog.messages[0]
    assert message.startswith(f'backbone: {RESNET18_TENSORS} of {RESNET18_TENSORS} tensors')


def test_only_the_main_process_logs(checkpoint, caplog, monkeypatch):
    model = stock(checkpoint)
    model.init_weights()
    monkeypatch.setattr(
        'mmss_plugins.engine.hooks.transfer_report_hook.is_main_process', lambda: False
    )
    with caplog.at_level(logging.INFO):
        TransferReportHook().before_train(stand_in(model))
    assert caplog.text == ''


@pytest.mark.parametrize('as_list', [False, True])
@pytest.mark.parametrize('kind', ['Pretrained', 'mmengine.Pretrained', PretrainedInit])
def test_finds_pretrained_modules_however_they_are_written(as_list, kind):
    class Model(BaseModel):
        def __init__(self):
            cfg = {'type': kind, 'checkpoint': 'x'}
            super().__init__(
                init_cfg=[{'type': 'Kaiming', 'layer': 'Conv2d'}, cfg] if as_list else cfg
            )
            self.part = nn.Linear(1, 1)

        def forward(self):
            pass

    assert [(name, cfg['checkpoint']) for name, _, cfg in pretrained_modules(Model())] == [
        ('', 'x')
    ]


def test_a_leading_module_prefix_is_dropped_as_mmengine_does(checkpoint, tmp_path):
    model = stock(checkpoint).backbone
    model.init_weights()
    file = tmp_path / 'parallel.pth'
    torch.save({f'module.{name}': tensor for name, tensor in model.state_dict().items()}, file)
    model.init_cfg = {'type': 'Pretrained', 'checkpoint': str(file)}
    TransferReportHook().before_train(stand_in(model))


def test_tensors_without_a_place_are_named_in_a_warning(checkpoint, tmp_path, caplog):
    model = stock(checkpoint).backbone
    model.init_weights()
    file = tmp_path / 'more.pth'
    torch.save({**model.state_dict(), 'fc.weight': torch.zeros(2)}, file)
    model.init_cfg = {'type': 'Pretrained', 'checkpoint': str(file)}
    TransferReportHook().before_train(stand_in(model))
    assert 'fc.weight' in caplog.text


def test_a_resumed_run_is_filled_whole(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    name = 'decode_heads.shared.conv_seg.weight'
    content['state_dict'][name] = content['state_dict'][name][:2]
    torch.save(content, tmp_path / 'other.pth')
    for number, (file, fits) in enumerate(((checkpoint, True), (tmp_path / 'other.pth', False))):
        runner = make_runner(
            tmp_path / str(number),
            cross_modal_model(),
            bands=15,
            max_iters=2,
            resume=True,
            load_from=str(file),
        )
        if fits:
            runner.train()
        else:
            with pytest.raises(
                TransferError, match=r'tensors resumed from .*other\.pth[^!]*conv_seg'
            ):
                runner.train()
