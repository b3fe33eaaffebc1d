import contextlib
import os
import pickle
import random
import struct
import tracemalloc

import numpy as np
import pytest
from helpers.legacy_lmdbs import NUMPY_INTEGERS

from mmss_plugins.store.errors import LegacyFormatError
from mmss_plugins.store.legacy.pickled import read_pickle

PROTOCOLS = range(6)
PLAIN = (
    (
        b'\x00\xffab\n\\u0041\r\x1a',
        (4, 2, 264, 264),
        'été \u1234 \U0001f30d\n\\',
        -5,
        0,
        255,
        65536,
    ),
    (b'', 2**31, -(2**31), 2**63, -(2**63), 2**120, ()),
    (bytes(range(256)) * 1000, ((), (1, (2, (3,)))), 'x' * 300),
    7,
    'name',
    b'bytes',
)


def plain(value):
    """The same with Python's own types only."""
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    if isinstance(value, memoryview):
        return bytes(value)
    return int(value) if isinstance(value, np.integer) else value


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_plain_values(protocol):
    for value in PLAIN:
        assert plain(read_pickle(pickle.dumps(value, protocol))) == value


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_numpy_integers(protocol):
    for kind in NUMPY_INTEGERS:
        limits = np.iinfo(kind)
        value = (b'ab', kind(limits.min), kind(limits.max), kind(7), kind(7))
        found = read_pickle(pickle.dumps(value, protocol))
        assert plain(found) == plain(value)
        assert all(type(item) is int for item in found[1:])


def test_integers_as_other_numpy_versions_and_machines_write_them():
    value = pickle.dumps((np.int32(-300),), 2)
    assert b'numpy' in value
    for module in (b'numpy.core.multiarray', b'numpy._core.multiarray'):
        head, _, tail = value.partition(b'numpy')
        other = head + module + b'\n' + tail[tail.index(b'scalar') :]
        assert read_pickle(other) == (-300,)
    old = value.replace(b'\x89\x88\x87', b'K\x00K\x01\x87')  # ('i4', 0, 1) in place of booleans
    assert old != value
    assert read_pickle(old) == (-300,)
    big = pickle.dumps((np.int32(-300),), 3)
    big = big.replace(b'\x01\x00\x00\x00<', b'\x01\x00\x00\x00>')
    big = big.replace(struct.pack('<i', -300), struct.pack('>i', -300))
    assert read_pickle(big) == (-300,)


def test_large_bytes_are_not_copied():
    for protocol in (3, 4, 5):
        data = pickle.dumps((b'x' * (8 << 20), (8 << 20,), np.int64(3)), protocol)
        tracemalloc.start()
        value = read_pickle(data)
        assert tracemalloc.get_traced_memory()[1] < 1 << 16
        tracemalloc.stop()
        assert isinstance(value[0], memoryview)
        assert value[0].obj is data


class Call:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def short(text):
    return b'\x8c' + bytes([len(text)]) + text.encode()


STATE = b'(K\x03' + short('<') + b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t'
DTYPE = b'cnumpy\ndtype\n'
I8 = DTYPE + short('i8') + b'\x89\x88\x87R'
SCALAR = b'cnumpy.core.multiarray\nscalar\n'
ENCODE = b'c_codecs\nencode\n'
HOSTILE = {
    'inst': b'(S' + b"'touch x'\nios\nsystem\n.",
    'inst of system': b'(Vtouch x\nios\nsystem\n.',
    'obj': b'(cos\nsystem\nVtouch x\no.',
    'newobj': b'\x80\x02' + DTYPE + b')\x81.',
    'newobj_ex': b'\x80\x04' + DTYPE + b')}\x92.',
    'stack global': b'\x80\x04' + short('os') + short('system') + b'\x93' + short('x') + b'\x85R.',
    'stack global of numbers': b'\x80\x04K\x01K\x02\x93.',
    'attribute of an allowed module': b'\x80\x04' + short('numpy') + short('load') + b'\x93.',
    'dotted name': b'\x80\x04' + short('numpy') + short('dtype.__class__') + b'\x93.',
    'allowed name as value': DTYPE + b'.',
    'type as value': I8 + STATE + b'b.',
    'ext1': b'\x80\x02\x82\x01.',
    'ext2': b'\x80\x02\x83\x01\x00.',
    'ext4': b'\x80\x02\x84\x01\x00\x00\x00.',
    'persistent id': b'Pevil\n.',
    'binary persistent id': b'K\x01Q.',
    'type of objects': DTYPE + short('O8') + b'\x89\x88\x87R.',
    'type of floats': DTYPE + short('f8') + b'\x89\x88\x87R' + STATE + b'b.',
    'type of anything': DTYPE + short('V99') + b'\x89\x88\x87R.',
    'type with other arguments': DTYPE + short('i8') + b'\x88\x88\x87R.',
    'scalar of a text': SCALAR + short('i8') + short('12345678') + b'\x86R.',
    'scalar too short': SCALAR + I8 + STATE + b'bC\x02ab\x86R.',
    'scalar too long': SCALAR + I8 + STATE + b'bC\x09abcdefghi\x86R.',
    'scalar of a type without state': SCALAR + I8 + b'C\x08abcdefgh\x86R.',
    'scalar without arguments': SCALAR + b')R.',
    'state that is a dictionary': I8 + b'}b.',
    'state of objects': I8 + STATE.replace(b'NNN', b'N)N') + b'b.',
    'state with flags': I8 + STATE[:-3] + b'K\x3ftb.',
    'state of a name': DTYPE + STATE + b'b.',
    'state of a number': b'K\x01' + STATE + b'b.',
    'other codec': ENCODE + short('x') + short('rot13') + b'\x86R.',
    'bytes of a number': b'cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.',
    'bytes beyond latin': ENCODE + b'V\\u1234\n' + short('latin1') + b'\x86R.',
    'call of a tuple': b')' + b')R.',
    'nested marks': b'(' * 100_000,
    'nested tuples': b')' + b'\x85' * 100_000 + b'.',
    'nested tuples in the limit of steps': b'(' * 400 + b't' * 400 + b'.',
    'doubling tuples': b')q\x00'
    + b''.join(b'h%cq%c\x86q%c' % ((n,) * 2 + (n + 1,)) for n in range(60)),
    'doubling tuples by memo': b')' + b''.join(b'q%ch%c\x86' % (n, n) for n in range(60)) + b'.',
    'many texts': b'X\xa0\x86\x01\x00'
    + b'a' * 100_000
    + b'q\x00'
    + short('latin1')
    + b'q\x01'
    + (ENCODE + b'h\x00h\x01\x86R') * 50
    + b't.',
    'bytes8': b'\x80\x04\x8e' + struct.pack('<Q', 2**60) + b'abc.',
    'bytes8 with the highest bit': b'\x80\x04\x8e' + struct.pack('<Q', 2**64 - 1) + b'abc.',
    'bytes4': b'\x80\x03B\xff\xff\xff\xffabc.',
    'text8': b'\x80\x04\x8d' + struct.pack('<Q', 2**62) + b'abc.',
    'text4': b'X\xff\xff\xff\xffabc.',
    'bytearray8': b'\x80\x05\x96' + struct.pack('<Q', 2**60) + b'abc.',
    'out-of-band buffer': b'\x80\x05\x97.',
    'frame': b'\x80\x04\x95' + struct.pack('<Q', 2**60) + b'K\x01.',
    'long4': b'\x80\x02\x8b' + struct.pack('<i', 2**31 - 1) + b'abc.',
    'long4 below zero': b'\x80\x02\x8b' + struct.pack('<i', -1) + b'abc.',
    'long of a megabyte': b'\x80\x02\x8b' + struct.pack('<i', 1 << 20) + b'\xff' * (1 << 20) + b'.',
    'number of many digits': b'L' + b'9' * 1_000_000 + b'L\n.',
    'number that is none': b'I1e9\n.',
    'number with underscores': b'I1_0\n.',
    'memo at 2**31': b'K\x01r' + struct.pack('<I', 2**31) + b'.',
    'memo at 2**62 in text': b'K\x01p4611686018427387904\n.',
    'memo below zero': b'K\x01p-1\n.',
    'memo never set': b'h\x05.',
    'line without an end': b'c' + b'a' * 1_000_000,
    'text without an end': b'V' + b'a' * 1_000_000,
    'protocol 6': b'\x80\x06K\x01.',
    'protocol in the middle': b'K\x01\x80\x04.',
    'no value': b'.',
    'two values': b'K\x01K\x02.',
    'open mark': b'(K\x01.',
    'pop below the mark': b'K\x01(\x85.',
    'tuple across a mark': b'(K\x01(K\x02\x86tt.',
    'tuple without mark': b'K\x01t.',
    'bytes after the end': b'K\x01.K\x02.',
    'duplicate': b'K\x012\x86.',
    'pop': b'K\x01K\x010.',
    'nothing': b'',
    'text that is not UTF-8': b'X\x01\x00\x00\x00\xff.',
    'unknown opcode': b'\xff.',
}


@pytest.mark.parametrize('name', HOSTILE)
def test_hostile_pickles_are_refused_in_little_memory(name):
    data = HOSTILE[name]
    tracemalloc.start()
    try:
        with pytest.raises(LegacyFormatError, match=r"a\.lmdb: key '7': the pickle is refused"):
            read_pickle(data, "a.lmdb: key '7'")
        assert tracemalloc.get_traced_memory()[1] < 4 * len(data) + (1 << 17)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_nothing_is_run(protocol, tmp_path):
    touched = tmp_path / 'touched'
    for call in (
        Call(os.system, f'touch {touched}'),
        Call(os.mkdir, str(touched)),
        Call(eval, f'open({str(touched)!r}, "w")'),
        Call(getattr, 'text', 'upper'),
        Call(np.dtype, Call(os.mkdir, str(touched))),
    ):
        for value in (call, (b'ab', (1, 2), call), ((call,),)):
            with pytest.raises(LegacyFormatError, match='refused, and nothing of it was run'):
                read_pickle(pickle.dumps(value, protocol))
    assert not touched.exists()
    with pytest.raises(LegacyFormatError, match=r"the name '(posix|nt)\.system'"):
        read_pickle(pickle.dumps(Call(os.system, 'true'), protocol))


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_values_of_other_types_are_refused(protocol):
    others = [1.5, None, True, [1], {1: 2}, {1}, bytearray(b'ab'), np.float64(1), np.bool_(True)]
    others += [np.zeros(3), np.str_('a'), 1 + 2j, range(3), slice(1)]
    for other in others:
        for value in (other, (b'ab', (1, 2), other)):
            with pytest.raises(LegacyFormatError):
                read_pickle(pickle.dumps(value, protocol))


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_any_damage_is_an_error_or_another_value(protocol):
    rng = random.Random(protocol)
    value = (b'\x00\xff' * 9, (4, 2), np.int32(7), 'a.tif')
    data = pickle.dumps(value, protocol)
    for end in range(len(data)):
        with pytest.raises(LegacyFormatError):
            read_pickle(data[:end])
    for _ in range(600):
        damaged = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(len(data))] = rng.randrange(256)
        with contextlib.suppress(LegacyFormatError):
            plain(read_pickle(bytes(damaged)))
