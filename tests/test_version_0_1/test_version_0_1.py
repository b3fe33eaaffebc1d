"""Stores, checkpoints and stopped runs of version 0.1.0 work: see tests/data/version_0_1."""

import json
import shutil
import tarfile
import zlib
from pathlib import Path

import pytest
from helpers.paths import ROOT
from mmengine.config import Config
from mmengine.runner import Runner

from mmss_plugins.store.reader import ReadRequest, StoreReader
from mmss_plugins.store.tools.verify import verify_store

FILES = ROOT / 'tests/data/version_0_1'
EXPECTED = json.loads((FILES / 'expected.json').read_text())
RUNS = ('pretrain', 'finetune')
MADE_IN = '/tmp/version_0_1'  # the note last_checkpoint has the whole path


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """The files, as they were made."""
    folder = tmp_path_factory.mktemp('version_0_1')
    with tarfile.open(FILES / 'files.tar.xz') as archive:
        archive.extractall(folder, filter='data')
    return folder


@pytest.fixture(autouse=True)
def _here(made, tmp_path, monkeypatch):
    """A copy of the folder where the files were made: the configs have relative paths."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    for name in RUNS:
        note = tmp_path / 'work_dirs' / name / 'last_checkpoint'
        note.write_text(note.read_text().replace(MADE_IN, str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)  # asks compilers: seconds


def config(name, work_dir, **changes):
    """The config as version 0.1.0 saved it with the run."""
    (path,) = Path('work_dirs', name).glob('*.py')
    cfg = Config.fromfile(path)
    cfg.work_dir, cfg.experiment_name = str(work_dir), f'{name}_{Path(work_dir).name}'
    cfg.merge_from_dict(changes)
    return cfg


def losses(work_dir):
    """By iteration, of the last run in a work directory."""
    *_, last = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in last.read_text().splitlines()]
    return {str(row['step']): row['loss'] for row in rows if 'loss' in row}


def log_of(work_dir):
    *_, last = sorted(Path(work_dir).glob('*/*.log'))
    return last.read_text()


@pytest.mark.parametrize('path', EXPECTED['stores'])
def test_stores_are_whole_and_hold_the_same_values(path):
    report = verify_store(path, workers=1, isolate=False)
    assert report.problems == []
    store = StoreReader(path)
    found = {
        f'{sample_id} {season or "-"} {field}': zlib.crc32(
            store.read(sample_id, [ReadRequest(field, season)])[0].tobytes()
        )
        for sample_id in store.sample_ids
        for season in store.meta.seasons or (None,)
        for field in store.meta.fields
    }
    assert found == EXPECTED['stores'][path]


@pytest.mark.parametrize('name', RUNS)
def test_a_stopped_run_resumes_with_the_same_losses(name):
    work_dir = Path('work_dirs') / name
    runner = Runner.from_cfg(config(name, work_dir, resume=True))
    runner.train()
    assert runner.epoch == 3
    assert losses(work_dir) == pytest.approx(EXPECTED['resumed_losses'][name], rel=1e-5)
    log = log_of(work_dir)
    assert 'epoch_1.pth (epoch 1, iteration 2)' in log
    assert 'epoch_1.pth fits the data' in log


def test_finetuning_starts_from_a_checkpoint_with_all_its_tensors():
    Runner.from_cfg(config('finetune', 'again', **{'train_cfg.max_epochs': 1})).train()
    assert losses('again') == pytest.approx(EXPECTED['first_losses']['finetune'], rel=1e-5)
    log = log_of('again')
    assert 'epoch_1.pth (prefix backbones.s2) fits the data' in log
    assert 'backbone: 120 of 120 tensors loaded' in log


@pytest.mark.parametrize('name', RUNS)
def test_checkpoints_give_the_same_metrics(name):
    cfg = config(name, f'{name}_test', load_from=f'work_dirs/{name}/epoch_1.pth')
    metrics = Runner.from_cfg(cfg).test()
    assert metrics == pytest.approx(EXPECTED['metrics'][name], rel=1e-5)
    assert 'epoch_1.pth fits the data' in log_of(f'{name}_test')


def test_old_names_of_the_input_specification_hook():
    hooks = [{'type': 'mmss_plugins.InputContractHook', 'allow_contract_mismatch': True}]
    with pytest.warns(DeprecationWarning, match='is now allow_mismatch'):
        runner = Runner.from_cfg(config('finetune', 'old_names', custom_hooks=hooks))
    (hook,) = (h for h in runner.hooks if type(h).__name__ == 'InputSpecificationHook')
    assert hook.allow_mismatch
