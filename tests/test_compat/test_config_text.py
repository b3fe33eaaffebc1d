"""Text in a checkpoint is parsed, and never run, whichever way the checkpoint is used."""

import pytest
import torch
from helpers.paths import ROOT
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, METRICS, MODELS, DefaultScope
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmss_plugins.apis import testing, training
from mmss_plugins.compat.config_text import ConfigTextError, parse_config_text

pytestmark = pytest.mark.smoke  # the stacks differ here


class TextModel(BaseModel):
    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(1, 1)

    def forward(self, inputs, mode='tensor'):
        output = self.linear(torch.stack(inputs))
        return {'loss': output.square().mean()} if mode == 'loss' else [output]


class TextNumbers(Dataset):
    metainfo = {}

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return {'inputs': torch.tensor([float(index + 1)])}


class TextMetric(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'count': len(results)}


LOADER = """dict(batch_size=2, num_workers=0, dataset=dict(type='TextNumbers'),
    sampler=dict(type='DefaultSampler', shuffle=False))"""
CONFIG = f"""
model = dict(type='TextModel')
train_dataloader = {LOADER}
test_dataloader = {LOADER}
train_cfg = dict(by_epoch=True, max_epochs=EPOCHS)
test_cfg = dict()
test_evaluator = dict(type='TextMetric')
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
default_scope = 'mmengine'
"""


@pytest.fixture(scope='module', autouse=True)
def _parts():
    parts = ((MODELS, TextModel), (DATASETS, TextNumbers), (METRICS, TextMetric))
    for registry, part in parts:
        registry.register_module(module=part)
    yield
    for registry, part in parts:
        registry.module_dict.pop(part.__name__)


@pytest.fixture(autouse=True)
def _scope(monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture
def config(tmp_path):
    """The file of a run of two epochs, of which one is done; the folder is that of the test."""
    path = tmp_path / 'text.py'
    path.write_text(CONFIG.replace('EPOCHS', '1'))
    build(path, 'first').train()
    path.write_text(CONFIG.replace('EPOCHS', '2'))
    return path


def build(path, name, **changes):
    cfg = Config.fromfile(path)
    cfg.merge_from_dict(changes)
    cfg.work_dir, cfg.experiment_name = str(path.parent / name), f'{path.parent.name}_{name}'
    return Runner.from_cfg(cfg)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / 'executed'


def payloads(marker):
    touch = f'open({str(marker)!r}, "w").close()'
    return {
        'statement': f'{touch}\nmodel = dict()',
        'value': f'model = dict(a=[__import__("pathlib").Path({str(marker)!r}).touch()])',
        'import': f'import pathlib\npathlib.Path({str(marker)!r}).touch()',
        'base': f"_base_ = '{marker.parent / 'payload.py'}'",
        'imports': "custom_imports = dict(imports=['payload'])",
        'default': f'def f(x={touch}): pass',
        'comprehension': f'x = [{touch} for _ in range(1)]',
        'f-string': f"x = f'{{{touch}}}'",
        'dict of a payload': f'x = dict(**{{"a": {touch}}})',
    }


def with_text(config, key, text, where='meta'):
    """The checkpoint of the first epoch, with text in it."""
    content = torch.load(config.parent / 'first' / 'epoch_1.pth', weights_only=True)
    if where == 'meta':
        content['meta'][key] = text
    else:
        content['message_hub']['runtime_info'][key] = text
    path = config.parent / 'hostile.pth'
    torch.save(content, path)
    return str(path)


def prepare(marker, monkeypatch):
    """A module and a config that leave the mark, where Python finds them."""
    (marker.parent / 'payload.py').write_text(f'open({str(marker)!r}, "w").close()\n')
    monkeypatch.syspath_prepend(str(marker.parent))


def test_no_payload_is_run_when_a_run_is_resumed(config, marker, monkeypatch):
    prepare(marker, monkeypatch)
    for name, text in payloads(marker).items():
        for key in ('config', 'cfg'):
            file = with_text(config, key, text)
            runner = build(config, f'{name}_{key}', load_from=file, resume=True)
            if key == 'cfg' or name in ('base', 'imports'):
                runner.train()  # MMEngine reads meta['config'] alone, of which these are values
                assert runner.epoch == 2
            else:
                with pytest.raises(ConfigTextError, match='never run'):
                    runner.train()
            assert not marker.exists(), (name, key)


def test_the_number_of_gpus_is_still_compared(config):
    file = with_text(config, 'config', 'gpu_ids = range(2)')
    with pytest.raises(ConfigTextError, match='never run'):
        build(config, 'range', load_from=file, resume=True).train()
    file = with_text(config, 'config', 'gpu_ids = [0, 1]')
    with pytest.raises(RuntimeError, match='Number of GPUs used for current'):
        build(config, 'other', load_from=file, resume=True).train()
    file = with_text(config, 'config', 'gpu_ids = [0]')
    runner = build(config, 'same', load_from=file, resume=True)
    runner.train()
    assert runner.epoch == 2


def test_the_tools_run_no_payload(config, marker, monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/train.py'])
    text = payloads(marker)['statement']
    work_dir = ['--work-dir', str(config.parent / 'work')]
    file = with_text(config, 'config', text)
    with pytest.raises(SystemExit, match=r'train\.py: error: ConfigTextError: .* is never run'):
        training.main([str(config), '--resume', file, *work_dir])
    testing.main([str(config), file, *work_dir])
    options = ['--cfg-options', f'load_from={file}', *work_dir]
    training.main([str(config), *options])
    file = with_text(config, 'cfg', text)
    training.main([str(config), '--resume', file, *work_dir])
    assert not marker.exists()


def test_an_inferencer_without_a_config_runs_no_payload(config, marker, monkeypatch):
    from mmseg.apis import MMSegInferencer

    prepare(marker, monkeypatch)
    texts = {
        **payloads(marker),
        'type': f"model = dict(type='os.mkdir', path={str(marker)!r})",
        'loader': "model = dict(type='mmengine.fileio.load', file='payload.pkl')",
    }
    for name, text in texts.items():
        for where in ('meta', 'message_hub'):
            file = with_text(config, 'cfg', text, where)
            if where == 'meta':
                content = torch.load(file, weights_only=True)
                del content['message_hub']
                torch.save(content, file)
            # the two without 'model' are plain values, and no model
            error = AttributeError if name in ('base', 'imports') else ConfigTextError
            with pytest.raises(error):
                MMSegInferencer(None, weights=file, device='cpu')
            assert not marker.exists(), (name, where)


def test_config_text_of_mmengine_is_read_as_it_runs():
    text = Config.fromfile(ROOT / 'configs/cromss/cromss_mid_r50_13b_200e_noldo.py').pretty_text
    expected = {}
    exec(text, expected)  # our own config
    expected.pop('__builtins__')
    assert parse_config_text(text) == expected
    assert Config.fromstring(text, '.py').model.type == 'mmss_plugins.CrossModalSegmentor'
    values = {'a': -1.5, 'b': (None, True), 'c': {'x y': {1, 2}, 3: [[]]}, 'd': "it's", 'e': 10**30}
    assert parse_config_text(Config(values).pretty_text) == values


@pytest.mark.parametrize(
    ('kind', 'allowed'),
    [
        ('PSPNet', True),
        ('mmseg.PSPNet', True),
        ('torch.optim.adamw.AdamW', True),
        ('mmengine.dataset.utils.pseudo_collate', True),
        ('subprocess.Popen', False),
        ('torch.distributed.elastic.multiprocessing.SubprocessHandler', False),
        ('torch.load', False),
        ('mmengine.load', False),
    ],
)
def test_types_are_parts_of_models(kind, allowed):
    text = f'model = [dict(a=dict(type={kind!r}))]'
    if allowed:
        assert parse_config_text(text) == {'model': [{'a': {'type': kind}}]}
    else:
        with pytest.raises(ConfigTextError, match='is no part of a model'):
            parse_config_text(text)


@pytest.mark.parametrize(
    'text',
    [
        None, b'a = 1', 'a = ', 'a = 1\0', 'a = ' + '[' * 500, 'a = ' + '-' * 100_000 + '1',
        'a = ' + '(' * 90 + ')' * 90 + '.b', 'a = {[]: 1}', 'a = {{}}', 'a, b = 1, 2', 'a = b = 1',
        'a.b = 1', 'a = b', 'a = 2 ** 9999', 'a = "x" * 10 ** 9', 'a = ...', 'a = b"x"',
        'a = dict([(1, 2)])', 'a = -"x"', 'a = {**b}', 'a: int = 1', 'del a', 'raise', 'a += 1',
        'x' * 10_000_001,
    ],
)  # fmt: skip
def test_other_text_is_refused(text):
    with pytest.raises(ConfigTextError, match='never run: '):
        parse_config_text(text)
