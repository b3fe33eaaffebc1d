"""A store on a full disk: nothing committed is lost, no crash, and the next run continues."""

import multiprocessing

import pytest
from helpers.small_disks import limited_files, small_disk
from helpers.small_store import dump, make_meta, make_samples, write_store

from mmss_plugins.store.reader import StoreReader, StoreWriteError

SAMPLES = make_samples(12)  # 9 kB each
SIZE = 1 << 17


def fill(path, free, sender):
    """Write samples while a file leaves ``free`` bytes; runs in a process that may crash."""
    ballast = path.parent / 'ballast'
    ballast.write_bytes(b'x' * (SIZE - free))
    try:
        write_store(path, SAMPLES, commit_every=1)
    except StoreWriteError as error:
        sender.send(str(error))
    ballast.unlink()


@pytest.mark.parametrize('free', [0, 4096, 8192, 16384, 24576, 40960])
def test_full_at_any_moment(tmp_path, free):
    fork = multiprocessing.get_context('fork')
    receiver, sender = fork.Pipe()
    with small_disk(tmp_path / 'small', SIZE) as disk:
        path = disk / 'a.lmdb'
        process = fork.Process(target=fill, args=(path, free, sender))
        process.start()
        process.join(60)
        assert process.exitcode == 0
        assert receiver.poll()
        message = receiver.recv()
        assert str(path) in message
        assert 'bytes are free on this disk' in message
        if (path / 'data.mdb').exists() and dump(path):
            with StoreReader(path) as reader:
                assert not reader.meta.complete
                for sample_id in reader.sample_ids:
                    assert reader.check(sample_id)[1] == []
        few = dict(list(SAMPLES.items())[:2])
        assert dump(write_store(path, few)) == dump(write_store(tmp_path / 'b.lmdb', few))


def test_files_that_must_not_grow(tmp_path):
    path = tmp_path / 'a.lmdb'
    with (
        limited_files(60_000),
        pytest.raises(StoreWriteError, match=r'a\.lmdb: cannot commit: .*continues from there'),
    ):
        write_store(path, SAMPLES, commit_every=2)
    kept = StoreReader(path).sample_ids
    assert kept == tuple(SAMPLES)[: len(kept)]
    assert 0 < len(kept) < len(SAMPLES)
    rest = {name: arrays for name, arrays in SAMPLES.items() if name not in kept}
    assert dump(write_store(path, rest, make_meta())) == dump(
        write_store(tmp_path / 'b.lmdb', SAMPLES)
    )
