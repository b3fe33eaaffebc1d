import io
import struct
import zlib

import numpy as np
import pytest

from mmss_plugins.store.codec import decode, encode, parse_head
from mmss_plugins.store.errors import (
    StoreCorruptionError,
    StoreError,
    StoreKeyError,
    StoreVersionError,
    StoreWriteError,
)

PREFIX_BYTES = 16
SHAPES = [(), (1,), (7,), (3, 5), (1, 1, 1), (13, 4, 6), (2, 3, 4, 5)]
TYPES = ['bool', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'float16', 'float32']
TYPES += ['float64', 'complex64', '>u2', '>f4', '>f8', '<i4']


def random_array(shape, dtype):
    rng = np.random.default_rng(len(shape))
    return np.asarray(rng.normal(0, 50, shape)).astype(dtype)


def pack(text, data, planes, version=1, magic=b'MMSS', npy=b'\x93NUMPY\x01\x00'):
    """A value made by hand, its checksums right."""
    crcs = b''.join(
        struct.pack('<I', zlib.crc32(data[i * len(data) // planes : (i + 1) * len(data) // planes]))
        for i in range(planes)
    )
    header = npy + struct.pack('<H', len(text)) + text
    prefix = struct.pack('<4sHHI', magic, version, len(header), planes)
    crc = struct.pack('<I', zlib.crc32(prefix + crcs + header))
    return prefix + crc + crcs + header + data


def header_text(descr="'|u1'", shape='(2, 3, 4)', order='False'):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('dtype', TYPES)
def test_round_trip(shape, dtype):
    array = random_array(shape, dtype)
    back = decode(encode(array))
    assert back.shape == shape
    assert back.dtype == array.dtype.newbyteorder('=')
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable
    assert back.flags.owndata
    assert back.dtype.isnative


@pytest.mark.parametrize('view', [np.s_[:, ::2, 1:], np.s_[::-1], np.s_[:, :, ::-3]])
def test_strided_and_transposed_arrays(view):
    array = random_array((4, 6, 9), 'float32')
    np.testing.assert_array_equal(decode(encode(array[view])), array[view])
    np.testing.assert_array_equal(decode(encode(array.T)), array.T)


def test_the_stored_form_does_not_depend_on_byte_or_memory_order():
    array = random_array((3, 4, 5), '<f4')
    assert encode(array.astype('>f4')) == encode(array)
    assert encode(np.asfortranarray(array)) == encode(array)


def test_what_follows_the_prefix_is_a_npy_file():
    array = random_array((3, 4, 5), 'int16')
    value = encode(array)
    npy = np.load(io.BytesIO(value[PREFIX_BYTES + 3 * 4 :]), allow_pickle=False)
    np.testing.assert_array_equal(npy, array)


def test_checksums_are_those_of_the_planes():
    array = random_array((3, 4, 5), 'uint16')
    assert parse_head(encode(array)).crcs == tuple(zlib.crc32(p.tobytes()) for p in array)
    assert parse_head(encode(array[0])).crcs == (zlib.crc32(array[0].tobytes()),)


def test_some_bands_in_the_order_asked_for():
    array = random_array((5, 4, 6), 'float32')
    for bands in ([3], [4, 0, 2], [1, 1], list(range(5))):
        part = decode(encode(array), bands)
        np.testing.assert_array_equal(part, array[bands])
        assert part.flags.owndata
    assert decode(encode(array), []).shape == (0, 4, 6)


@pytest.mark.parametrize('bands', [[5], [-1], [0, 17]])
def test_band_out_of_range(bands):
    with pytest.raises(StoreKeyError, match=r'a\.lmdb: key k: band .* expected 0\.\.4'):
        decode(encode(random_array((5, 4, 6), 'uint8')), bands, where='a.lmdb: key k')


def test_a_label_has_no_bands():
    with pytest.raises(StoreKeyError, match='no bands'):
        decode(encode(random_array((4, 6), 'uint8')), [0])


@pytest.mark.parametrize('bit', [0x01, 0x80, 0xFF])
def test_every_single_changed_byte_is_noticed(bit):
    value = encode(random_array((2, 3, 4), 'uint8'))
    for offset in range(len(value)):
        damaged = bytearray(value)
        damaged[offset] ^= bit
        with pytest.raises(StoreCorruptionError, match=r'^here: '):
            decode(bytes(damaged), where='here')


def test_every_truncation_and_an_extension_are_noticed():
    value = encode(random_array((2, 3, 4), 'uint8'))
    for length in range(len(value)):
        with pytest.raises(StoreCorruptionError, match=r'^here: '):
            decode(value[:length], verify=False, where='here')
    with pytest.raises(StoreCorruptionError):
        decode(value + b'\0', verify=False)


def test_a_band_not_asked_for_is_not_checked():
    array = random_array((3, 4, 5), 'uint8')
    value = bytearray(encode(array))
    value[-1] ^= 1  # in the last plane
    np.testing.assert_array_equal(decode(bytes(value), [0, 1]), array[:2])
    with pytest.raises(StoreCorruptionError, match='plane 2 of 3'):
        decode(bytes(value), [2])


def test_without_verification_data_pass_but_the_head_is_still_checked():
    array = random_array((3, 4, 5), 'uint8')
    value = bytearray(encode(array))
    value[-1] ^= 1
    assert (decode(bytes(value), verify=False) != array).sum() == 1
    value[PREFIX_BYTES] ^= 1
    with pytest.raises(StoreCorruptionError):
        decode(bytes(value), verify=False)


def test_the_hand_made_value_is_accepted():
    data = bytes(range(24))
    np.testing.assert_array_equal(
        decode(pack(header_text(), data, 2)).ravel(), np.arange(24, dtype=np.uint8)
    )


@pytest.mark.parametrize(
    'text',
    [
        header_text(descr="'|O'"),
        header_text(descr="'O'"),
        header_text(descr="[('a', '|O')]"),
        header_text(descr="[('a', '|u1')]"),
        header_text(descr="'|V1'"),
        header_text(descr="'|S1'"),
        header_text(descr="'<M8[s]'"),
        header_text(descr="'<u3'"),
        header_text(descr="__import__('os')"),
        header_text(order='True'),
        header_text(shape='(2, 3, 5)'),
        header_text(shape='(2, 3, 4000000000)'),
        header_text(shape='(4294967296, 4294967296, 1)'),
        header_text(shape='(2, -3, -4)'),
        header_text(shape='(0, 3, 4)'),
        header_text(shape='(24)*1'),
        header_text(shape='(' + '1, ' * 20 + '24)'),
        b'\xff' * 40,
        b'',
    ],
)
def test_hostile_headers_with_right_checksums_are_refused(text):
    with pytest.raises(StoreCorruptionError):
        decode(pack(text, bytes(24), 2))


def test_other_npy_versions_and_a_wrong_number_of_planes_are_refused():
    with pytest.raises(StoreCorruptionError):
        decode(pack(header_text(), bytes(24), 2, npy=b'\x93NUMPY\x02\x00'))
    for planes in (1, 3, 24):
        with pytest.raises(StoreCorruptionError):
            decode(pack(header_text(), bytes(24), planes))


def test_lengths_in_the_prefix_are_not_trusted():
    for header_length, planes in [(0xFFFF, 2), (40, 0xFFFFFFFF), (0, 0)]:
        value = struct.pack('<4sHHII', b'MMSS', 1, header_length, planes, 0) + bytes(200)
        with pytest.raises(StoreCorruptionError):
            decode(value)


def test_an_intact_value_of_another_version_is_named():
    with pytest.raises(StoreVersionError, match='version 2'):
        decode(pack(header_text(), bytes(24), 2, version=2))


@pytest.mark.parametrize(
    'array',
    [
        np.array([None, 1], dtype=object),
        np.array(['a']),
        np.zeros(3, dtype=[('a', 'u1')]),
        np.array(['2020-01-01'], dtype='datetime64[s]'),
        np.zeros((0, 3)),
        np.zeros((1,) * 9),
    ],
)
def test_what_is_no_plain_array_cannot_be_stored(array):
    with pytest.raises(StoreWriteError, match=r'^here: '):
        encode(array, 'here')
    assert issubclass(StoreWriteError, StoreError)
