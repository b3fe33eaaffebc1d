"""Errors that the tools print without a traceback."""

import errno
import os
import signal

import pytest
import torch
from mmengine.registry import MODELS
from torch.utils.data import DataLoader, Dataset

from mmss_plugins.bands import S2, resolve_bands
from mmss_plugins.cli.plain_errors import plain_errors
from mmss_plugins.store.reader import StoreFormatError, StoreReader


@pytest.fixture(autouse=True)
def _program(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/tool.py'])


def test_what_the_package_says_is_all_that_is_said(tmp_path):
    with pytest.raises(SystemExit) as ended, plain_errors():
        len(StoreReader(tmp_path / 'none.lmdb'))
    assert str(ended.value).startswith('tool.py: error: StoreFormatError: ')
    assert 'none.lmdb: expected an LMDB store, but found nothing: prepare' in str(ended.value)
    message = r'^tool\.py: error: ValueError: unknown s2 band set 77'
    with pytest.raises(SystemExit, match=message), plain_errors():
        resolve_bands(77, ('B1', 'B2'), S2)


def test_all_other_errors_keep_their_traceback():
    with pytest.raises(ValueError, match='batch_size'), plain_errors():
        DataLoader([1], batch_size=0)  # from a framework
    with pytest.raises(AttributeError), plain_errors():
        resolve_bands(77, ('B1', 'B2'), 's2')  # in the package, but not on purpose
    with pytest.raises(StoreFormatError), plain_errors():
        raise StoreFormatError('raised by a caller')
    with plain_errors():
        pass


@pytest.mark.parametrize(
    ('part', 'said'),
    [
        ({'in_chanels': 3, 'depth': 18}, 'in_chanels'),
        ({}, "missing 1 required positional argument: 'depth'"),
    ],
)
def test_a_wrong_option_of_a_part_of_the_config(part, said):
    message = f'a part of the config cannot be built: .*{said}'
    with pytest.raises(SystemExit, match=message), plain_errors():
        MODELS.build({'type': 'mmseg.ResNet', **part})
    with pytest.raises(TypeError), plain_errors():
        resolve_bands(77)  # no part of a config


class Broken(Dataset):
    def __init__(self, end):
        self.end = end

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.end(index)


def loaded(end):
    return [*DataLoader(Broken(end), num_workers=1)]


def test_what_the_package_says_in_a_worker_is_all_that_is_said(tmp_path):
    def end(_index):
        return len(StoreReader(tmp_path / 'none.lmdb'))

    with pytest.raises(SystemExit) as ended, plain_errors():
        loaded(end)
    assert str(ended.value).startswith('tool.py: error: StoreFormatError: ')
    assert 'none.lmdb: expected an LMDB store, but found nothing: prepare' in str(ended.value)
    with pytest.raises(ZeroDivisionError, match='Traceback'), plain_errors():
        loaded(lambda index: 1 // index)


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_that_was_killed(number):
    message = r'^tool\.py: error: a data loader worker was ended from outside.*memory.*\(pid'
    with pytest.raises(SystemExit, match=message), plain_errors():
        loaded(lambda _index: os.kill(os.getpid(), number))


@pytest.mark.parametrize(
    ('error', 'told'),
    [
        (MemoryError(), 'memory ran out'),
        (OSError(errno.ENOSPC, 'No space left on device', 'x.pth'), "disk is full .*'x.pth'"),
        (RuntimeError('[PytorchStreamWriter failed writing file data/0'), 'could not be written'),
        (torch.OutOfMemoryError('CUDA out of memory. Tried to allocate'), 'GPU has too little'),
        (TypeError("X.__init__() got an unexpected keyword argument 'a'"), "correct it.*'a'"),
        (RuntimeError('Timed out waiting 1800000ms for recv operation'), 'another process of the'),
    ],
)
def test_errors_of_the_frameworks_that_the_user_can_mend(error, told):
    def fail():
        raise error

    with pytest.raises(SystemExit, match=f'^tool.py: error: .*{told}'), plain_errors():
        fail()


def test_an_interruption_is_reported(capsys):
    with pytest.raises(SystemExit) as ended, plain_errors():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capsys.readouterr().err == 'tool.py: interrupted\n'
