"""The newest whole checkpoint of a work folder is found, whatever MMEngine's note says."""

import shutil

import pytest
import torch

from mmss_plugins.apis.resuming import set_resume
from mmss_plugins.checkpoints.resumable import find_resumable, hook_options
from mmss_plugins.cli.usage import UsageError


def write(folder, name, epoch=0, iteration=0, **changes):
    folder.mkdir(exist_ok=True, parents=True)
    content = {
        'state_dict': {'w': torch.ones(300)},
        'optimizer': {},
        'meta': {'epoch': epoch, 'iter': iteration},
        **changes,
    }
    torch.save({key: value for key, value in content.items() if value is not None}, folder / name)
    (folder / 'last_checkpoint').write_text(str(folder / name))
    return folder / name


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'run'
    for epoch in (2, 9, 10):
        write(folder, f'epoch_{epoch}.pth', epoch, 4 * epoch)
    write(folder, 'best_mIoU_epoch_12.pth', 12, 48)  # not a place to continue from
    (folder / 'epoch_99.pth.txt').touch()
    return folder


@pytest.mark.parametrize('note', [None, '', '\n', 'gone/epoch_10.pth', b'\xff\xfe'])
def test_the_note_does_not_matter(folder, note):
    (folder / 'last_checkpoint').unlink()
    if note is not None:
        data = note if isinstance(note, bytes) else note.encode()
        (folder / 'last_checkpoint').write_bytes(data)
    found = find_resumable(folder)
    assert (found.path, found.epoch, found.iteration) == (folder / 'epoch_10.pth', 10, 40)
    assert 'continues from' in str(found)


def test_a_folder_may_be_moved(folder, tmp_path):
    shutil.move(folder, tmp_path / 'elsewhere')
    assert find_resumable(tmp_path / 'elsewhere').path == tmp_path / 'elsewhere' / 'epoch_10.pth'


def test_files_that_are_not_whole_are_passed_over_and_named(folder):
    cut(folder / 'epoch_10.pth')
    (folder / 'epoch_11.pth').touch()
    write(folder, 'epoch_12.pth', 12, 48, optimizer=None)
    write(folder, 'epoch_13.pth', 13, 52, meta={'epoch': None, 'iter': 52})
    found = find_resumable(folder)
    assert found.path == folder / 'epoch_9.pth'
    told = str(found)
    assert told.splitlines()[-1].endswith('epoch_9.pth (epoch 9, iteration 36)')
    for number, reason in ((10, 'incomplete'), (11, 'incomplete'), (12, 'without its optimizer'),
                           (13, "numbers 'epoch' and 'iter'")):  # fmt: skip
        assert any(f'epoch_{number}.pth' in line and reason in line for line in found.damaged)


def test_the_run_counts_that_is_furthest(folder):
    write(folder, 'iter_39.pth', 9, 39)
    assert find_resumable(folder).path.name == 'epoch_10.pth'
    write(folder, 'iter_41.pth', 10, 41)
    assert find_resumable(folder).path.name == 'iter_41.pth'


def test_other_folders_and_names(tmp_path):
    away = write(tmp_path / 'out' / 'run', 'step-7.pth', 1, 7)
    hook = {'type': 'CheckpointHook', 'out_dir': str(tmp_path / 'out'),
            'filename_tmpl': 'step-{}.pth'}  # fmt: skip
    found = find_resumable(tmp_path / 'run', **hook_options(hook))
    assert found.path == away
    assert find_resumable(tmp_path / 'run').path is None
    assert hook_options(None) == {}
    noted = write(tmp_path / 'third', 'epoch_3.pth', 3, 3)
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'last_checkpoint').write_text(str(noted))
    assert find_resumable(tmp_path / 'run').path == noted


class Settings(dict):
    __getattr__, __setattr__ = dict.__getitem__, dict.__setitem__


def settings(folder, **kwargs):
    return Settings(work_dir=str(folder), resume=False, load_from=None, **kwargs)


def test_the_option_of_the_train_tool(folder, tmp_path, capsys):
    for option in ('newest', 'auto'):
        cfg = settings(folder)
        set_resume(cfg, option)
        assert (cfg.resume, cfg.load_from) == (True, str(folder / 'epoch_10.pth'))
        assert 'the run continues from' in capsys.readouterr().err
    cfg = settings(folder)
    set_resume(cfg, str(folder / 'epoch_2.pth'))
    assert (cfg.resume, cfg.load_from) == (True, str(folder / 'epoch_2.pth'))
    with pytest.raises(UsageError, match=r"'gone\.pth' is not a file"):
        set_resume(settings(folder), 'gone.pth')
    set_resume(cfg := settings(folder), None)
    assert not cfg.resume


def test_a_new_run_starts_only_where_that_is_said(tmp_path, capsys):
    with pytest.raises(UsageError, match=r'holds no checkpoint epoch_\*.* --resume auto'):
        set_resume(settings(tmp_path / 'new'), 'newest')
    cfg = settings(tmp_path / 'new')
    set_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (False, None)
    assert 'a new run starts' in capsys.readouterr().err
    cfg = settings(tmp_path / 'new')
    cfg.resume = True  # MMEngine's meaning
    set_resume(cfg, None)
    assert not cfg.resume


@pytest.mark.parametrize('option', ['newest', 'auto'])
def test_a_folder_with_damaged_files_only_is_never_begun_anew(tmp_path, option):
    cut(write(tmp_path / 'run', 'epoch_1.pth', 1, 4))
    with pytest.raises(UsageError, match=r'no checkpoint in .* can be read: .*epoch_1\.pth'):
        set_resume(settings(tmp_path / 'run'), option)
