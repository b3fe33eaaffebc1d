import os
import zipfile
import zlib

import pytest
import torch
from helpers.damaged_checkpoints import flipped, repacked

from mmss_plugins.checkpoints import zip_records
from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.zip_records import check_growth, check_records

CONTENT = {'state_dict': {'a': torch.arange(1000.0), 'b': torch.ones(3)}}


@pytest.fixture
def file(tmp_path):
    torch.save(CONTENT, tmp_path / 'good.pth')
    return tmp_path / 'good.pth'


def test_what_torch_writes(file, tmp_path):
    stored, sizes = check_records(file)
    assert stored
    assert {4000, 12} <= sizes
    stored, sizes = check_records(repacked(file, tmp_path / 'x.pth'))
    assert not stored
    assert {4000, 12} <= sizes
    torch.save(CONTENT, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    assert check_records(tmp_path / 'old.pth') is None


@pytest.mark.parametrize('record', ['data/0', 'data/1', 'data.pkl', 'version', 'byteorder'])
def test_every_record_s_checksum_is_compared(file, tmp_path, record):
    with pytest.raises(zipfile.BadZipFile, match='Bad CRC-32'):
        check_records(flipped(file, tmp_path / 'x.pth', record))


def test_a_damaged_compressed_record(file, tmp_path):
    packed = repacked(file, tmp_path / 'packed.pth')
    whole = bytearray(packed.read_bytes())
    place = whole.index(b'good/data/0') + 40
    whole[place : place + 20] = bytes(20)
    packed.write_bytes(whole)
    with pytest.raises((zipfile.BadZipFile, zlib.error)):
        check_records(packed)


def test_a_file_without_checksums_is_read(tmp_path):
    from torch.utils.serialization import config

    config.save.compute_crc32 = False
    try:
        torch.save(CONTENT, tmp_path / 'x.pth')
    finally:
        config.save.compute_crc32 = True
    assert check_records(tmp_path / 'x.pth').stored


def test_a_file_is_read_through_once(file, monkeypatch):
    read = []
    original = zip_records._read_through
    monkeypatch.setattr(
        zip_records, '_read_through', lambda *args: read.append(1) or original(*args)
    )
    for _ in range(3):
        check_records(file)
    assert len(read) == len(zipfile.ZipFile(file).infolist())
    content = file.read_bytes()
    file.write_bytes(content)
    os.utime(file, (1, 1))
    check_records(file)
    assert len(read) == 2 * len(zipfile.ZipFile(file).infolist())


def test_records_that_are_packed_in_another_way_are_refused(file, tmp_path):
    packed = repacked(file, tmp_path / 'x.pth', zipfile.ZIP_LZMA)
    with pytest.raises(CheckpointFileError, match='compression method 14'):
        check_records(packed)


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_a_record_that_is_there_twice_is_refused(file):
    with zipfile.ZipFile(file, 'a') as archive:
        archive.writestr('good/data/0', bytes(4000))
    with pytest.raises(CheckpointFileError, match="'good/data/0' is there twice"):
        check_records(file)


def test_an_encrypted_record_is_refused(file):
    whole = bytearray(file.read_bytes())
    whole[whole.index(b'PK\x01\x02') + 8] |= 1
    file.write_bytes(whole)
    with pytest.raises(CheckpointFileError, match='is encrypted'):
        check_records(file)


def test_records_that_overlap_are_refused(tmp_path, monkeypatch):
    path = tmp_path / 'x.pth'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('x/data/0', bytes(100_000))
        entry = archive.filelist[0]
        for index in range(1, 50):  # names in the directory that all mean the same bytes
            other = zipfile.ZipInfo(f'x/data/{index}')
            for key in ('CRC', 'compress_size', 'file_size', 'header_offset'):
                setattr(other, key, getattr(entry, key))
            archive.filelist.append(other)
    with pytest.raises(CheckpointFileError, match='overlap'):
        check_records(path)


def test_a_small_file_that_grows_large_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_records, 'FREE_BYTES', 1 << 20)
    monkeypatch.setattr(zip_records, '_read_through', lambda *args: pytest.fail('it was read'))
    path = tmp_path / 'x.pth'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('x/data/0', bytes((1 << 20) + 1))
    with pytest.raises(CheckpointFileError, match='ZIP records would take 1048577 bytes, but the'):
        check_records(path)


@pytest.mark.parametrize(
    ('wanted', 'size', 'fits'),
    [(512 << 20, 1, True), ((512 << 20) + 1, 1, False), (20 << 30, 1 << 30, True),
     ((20 << 30) + 1, 1 << 30, False)],
)  # fmt: skip
def test_what_a_file_may_grow_to(wanted, size, fits):
    if fits:
        check_growth('x', wanted, size, 'tensors')
    else:
        with pytest.raises(CheckpointFileError, match=f'x: its tensors would take {wanted} bytes'):
            check_growth('x', wanted, size, 'tensors')
