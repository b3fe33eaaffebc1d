import argparse
import functools
import os
import zipfile
from collections import OrderedDict

import pytest
import torch
from helpers.damaged_checkpoints import flipped, repacked

from mmss_plugins.checkpoints.files import (
    CheckpointFileError,
    read_checkpoint,
    state_of,
    tensors_of,
    write_checkpoint,
)

STATE = OrderedDict(a=torch.arange(1000.0), b=torch.zeros(3))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / 'good.ckpt'
    torch.save({'state_dict': STATE, 'epoch': 3}, path)
    return path


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('mmap', [True, False])
def test_reads_both_formats_of_torch(tmp_path, zipped, mmap):
    path = tmp_path / 'x.ckpt'
    torch.save({'state_dict': STATE}, path, _use_new_zipfile_serialization=zipped)
    state = state_of(read_checkpoint(path, mmap=mmap), path)
    assert list(state) == ['a', 'b']
    assert torch.equal(state['a'], STATE['a'])


@pytest.mark.parametrize('mmap', [True, False])
def test_compressed_records_are_read_rightly_and_damaged_ones_refused(file, tmp_path, mmap):
    packed = repacked(file, tmp_path / 'packed.ckpt')
    state = state_of(read_checkpoint(packed, mmap=mmap), packed)
    assert all(torch.equal(state[name], tensor) for name, tensor in STATE.items())
    for bit in range(8):
        damaged = flipped(file, tmp_path / f'{bit}.ckpt', bit=bit)
        with pytest.raises(CheckpointFileError, match=r'damaged or of another kind .*Bad CRC-32'):
            read_checkpoint(damaged, mmap=mmap)


@pytest.mark.parametrize('mmap', [True, False])
def test_giants_are_refused(tmp_path, mmap):
    path = tmp_path / 'x.ckpt'
    torch.save({'state_dict': {'a': torch.zeros(1).expand(1 << 20, 1 << 20)}}, path)
    with pytest.raises(CheckpointFileError, match=f'its tensors would take {4 << 40} bytes'):
        read_checkpoint(path, mmap=mmap)


def test_a_storage_that_the_pickle_makes_longer_is_refused(tmp_path, file):
    def longer(name, content):  # 1000 numbers become 1002: the next record's head after them
        return content.replace(b'M\xe8\x03', b'M\xea\x03') if name.endswith('.pkl') else content

    path = repacked(file, tmp_path / 'x.ckpt', zipfile.ZIP_STORED, longer)
    for mmap in (True, False):
        with pytest.raises(CheckpointFileError, match=r'no record of the file|record size'):
            read_checkpoint(path, mmap=mmap)


def touch(marker):
    open(marker, 'w').close()


class Bomb:
    """Its file would run a function when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return touch, (str(self.marker),)


@pytest.mark.parametrize('zipped', [True, False])
def test_foreign_objects_are_named_and_never_made(tmp_path, zipped):
    path, marker = tmp_path / 'x.ckpt', tmp_path / 'executed'
    extra = {
        'hyper_parameters': argparse.Namespace(lr=1),
        'optimizer': functools.partial(print, 1),
        'bomb': Bomb(marker),
    }
    torch.save({'state_dict': STATE, **extra}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointFileError) as error:
        read_checkpoint(path)
    text = str(error.value)
    assert str(path) in text
    assert 'argparse.Namespace' in text
    assert ('functools.partial' in text) == zipped  # torch's older format tells the first only
    assert "torch.save({'state_dict': checkpoint['state_dict']}" in text
    assert not marker.exists()


@pytest.mark.parametrize('share', [0.0, 0.001, 0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize('zipped', [True, False])
def test_a_truncated_file_is_told(tmp_path, share, zipped):
    path = tmp_path / 'x.ckpt'
    torch.save({'state_dict': STATE}, path, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    for mmap in (False, True):
        with pytest.raises(CheckpointFileError, match='incomplete, damaged or of another kind'):
            read_checkpoint(path, mmap=mmap)


def test_files_of_other_kinds_are_told(tmp_path):
    text, archive, script = (tmp_path / name for name in ('x.txt', 'x.zip', 'x.pt'))
    text.write_text('weights\n' * 9)
    with zipfile.ZipFile(archive, 'w') as content:
        content.writestr('readme.txt', 'hello')
    torch.jit.script(torch.nn.Linear(2, 2)).save(script)
    for path in (text, archive, script):
        with pytest.raises(CheckpointFileError, match=f'{path}: expected a checkpoint'):
            read_checkpoint(path, mmap=True)


def test_damaged_bytes_never_end_in_another_error(file):
    content = file.read_bytes()
    generator = torch.Generator().manual_seed(0)
    readable = 0
    for _ in range(200):
        damaged = bytearray(content)
        for place, byte in zip(
            torch.randint(0, 900, (3,), generator=generator).tolist(),
            torch.randint(0, 256, (3,), generator=generator).tolist(),
            strict=True,
        ):
            damaged[place] = byte
        file.write_bytes(damaged)
        try:
            state_of(read_checkpoint(file), file)
            readable += 1
        except CheckpointFileError:
            pass
    assert readable < 150  # the damage is real


def test_folders_absent_files_and_other_contents_are_told(tmp_path):
    with pytest.raises(CheckpointFileError, match='it is a folder'):
        read_checkpoint(tmp_path)
    with pytest.raises(CheckpointFileError, match='no such file'):
        read_checkpoint(tmp_path / 'absent')
    torch.save([1, 2], tmp_path / 'list')
    with pytest.raises(CheckpointFileError, match='found list'):
        read_checkpoint(tmp_path / 'list')


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ({'model': STATE, 'epoch': 1}, r"'state_dict', but the file holds 'model', 'epoch'"),
        ({}, 'the file holds nothing'),
        ({'state_dict': {'a': 3}}, r"state_dict\['a'\], but found int"),
        ({'state_dict': {'a': torch.eye(3).to_sparse()}}, r"\['a'\], but found a sparse"),
        ({'state_dict': {1: torch.eye(3)}}, r'state_dict\[1\]'),
    ],
)
def test_a_state_dict_of_plain_tensors_is_required(content, said):
    with pytest.raises(CheckpointFileError, match=f'x.ckpt: .*{said}'):
        state_of(content, 'x.ckpt')


def test_tensors_by_name_at_the_top_or_below():
    assert tensors_of({'state_dict': STATE, 'x': 1}, 'x') == dict(STATE)
    assert tensors_of({**STATE, 'epoch': 1}, 'x') == dict(STATE)
    for content in ([1], {'state_dict': 3}, {1: torch.zeros(1)}):
        with pytest.raises(CheckpointFileError, match='x: expected a dict of tensors by their'):
            tensors_of(content, 'x')


@pytest.mark.parametrize('tensor', [torch.eye(2).to_sparse(), torch.empty(2, device='meta')])
def test_tensors_without_ordinary_values_are_refused(tensor):
    for read in (tensors_of, state_of):
        with pytest.raises(CheckpointFileError, match=r"x\.pth: expected ordinary values .*'a'"):
            read({'state_dict': {'a': tensor}}, 'x.pth')


def test_nothing_is_overwritten_unasked(file):
    before = file.read_bytes()
    with pytest.raises(CheckpointFileError, match='--overwrite'):
        write_checkpoint({'state_dict': {}}, file)
    assert file.read_bytes() == before
    write_checkpoint({'state_dict': {}}, file, overwrite=True)
    assert torch.load(file, weights_only=True) == {'state_dict': {}}
    with pytest.raises(CheckpointFileError, match='it is a folder'):
        write_checkpoint({}, file.parent, overwrite=True)


def test_a_failed_write_leaves_what_was_there(file, monkeypatch):
    before = file.read_bytes()

    def fail(content, target):
        target.write(b'half')
        raise OSError('No space left on device')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(OSError, match='No space'):
        write_checkpoint({}, file, overwrite=True)
    with pytest.raises(OSError, match='No space'):
        write_checkpoint({}, file.parent / 'new.pth')
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ['good.ckpt']


def test_a_new_file_has_ordinary_permissions(tmp_path):
    path = tmp_path / 'new' / 'folder' / 'x.pth'
    write_checkpoint({'state_dict': {}}, path)
    (tmp_path / 'plain').touch()
    assert os.stat(path).st_mode == os.stat(tmp_path / 'plain').st_mode
