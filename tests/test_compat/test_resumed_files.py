"""A checkpoint cannot make a resumed run remove what is not its own."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub

pytestmark = pytest.mark.smoke


class Runner(SimpleNamespace):
    def save_checkpoint(self, out_dir, filename, *arguments, **options):
        torch.save({}, f'{out_dir}/{filename}')


@pytest.fixture
def runner(tmp_path):
    work_dir = tmp_path / 'run'
    work_dir.mkdir()
    return Runner(
        work_dir=str(work_dir), message_hub=MessageHub(tmp_path.name), epoch=4, iter=40,
        logger=logging.getLogger('test'), cfg={}, seed=None, timestamp='', experiment_name='',
    )  # fmt: skip


def better(runner, resumed, **options):
    """Resume with what a checkpoint holds, then validate with a better score."""
    for key, value in resumed.items():
        runner.message_hub.update_info(key, value)
    hook = CheckpointHook(interval=1, rule='greater', **options)
    hook.before_train(runner)
    hook.after_val_epoch(runner, {'mIoU': 60.0, 'aAcc': 70.0})
    hook.after_train_epoch(runner)
    return hook


@pytest.mark.parametrize('several', [False, True])
def test_files_of_others_stay(runner, tmp_path, several, caplog):
    keys = ['mIoU', 'aAcc'] if several else 'mIoU'
    folder, file = tmp_path / 'home', tmp_path / 'home' / 'best_mIoU_epoch_1.pth'
    folder.mkdir()
    file.write_text('mine')
    inside = tmp_path / 'run' / 'notes.txt'
    inside.write_text('mine')
    for path in (folder, file, inside, f'{runner.work_dir}/../home', 5):
        path = path if path == 5 else str(path)
        names = ['best_ckpt_mIoU', 'best_ckpt_aAcc'] if several else ['best_ckpt']
        resumed = dict.fromkeys(names, path) | {'best_score': 1.0}
        better(runner, resumed, save_best=keys, save_last=False)
        assert file.read_text() == inside.read_text() == 'mine'
        assert 'is left as it is' in caplog.text
        caplog.clear()


def test_the_run_s_own_are_replaced(runner):
    own = f'{runner.work_dir}/best_mIoU_epoch_1.pth'
    torch.save({}, own)
    hook = better(runner, {'best_ckpt': own, 'best_score': 1.0}, save_best='mIoU')
    assert hook.best_ckpt_path == f'{runner.work_dir}/best_mIoU_epoch_4.pth'
    with pytest.raises(FileNotFoundError):
        open(own).close()


@pytest.mark.parametrize('ids', [['/../../home/notes'], 'abc', {1: 2}, [True], None])
def test_numbers_of_checkpoints_are_numbers(runner, tmp_path, ids, caplog):
    (tmp_path / 'home').mkdir()
    (tmp_path / 'run' / 'epoch_').mkdir()
    notes = tmp_path / 'home' / 'notes.pth'
    notes.write_text('mine')
    better(runner, {'keep_ckpt_ids': ids}, max_keep_ckpts=1)
    assert notes.read_text() == 'mine'
    assert 'no list of numbers' in caplog.text


def test_old_checkpoints_of_the_run_are_removed(runner, tmp_path):
    for step in (2, 3):
        (tmp_path / 'run' / f'epoch_{step}.pth').touch()
    better(runner, {'keep_ckpt_ids': [2, 3]}, max_keep_ckpts=2)
    assert sorted(p.name for p in (tmp_path / 'run').glob('*.pth')) == [
        'epoch_3.pth',
        'epoch_5.pth',
    ]
