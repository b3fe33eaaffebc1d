from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.transfer.content_check import check_content

FILE = Path('x.pth')
GIANT = torch.zeros(1).expand(1 << 20, 1 << 20)


def history():
    buffer = HistoryBuffer()
    buffer._log_history = np.lib.stride_tricks.as_strided(np.zeros(1), (1 << 27,), (0,))
    return buffer


def check(content, size=1000, records=frozenset({4})):
    check_content(content, FILE, size, records)


@pytest.mark.parametrize(
    'content',
    [
        {'state_dict': {'a': GIANT}},
        [({'a': (GIANT,)},)],
        {'a': [torch.zeros(1).expand(1 << 14, 1 << 14) for _ in range(2)]},
        {'a': bytearray((512 << 20) + 1)},
        {'a': np.lib.stride_tricks.as_strided(np.zeros(1), (1 << 30,), (0,))},
        {'a': history()},
    ],
)  # fmt: skip
def test_giants_from_small_files_are_refused(content):
    with pytest.raises(CheckpointFileError, match=r'x\.pth: its tensors would take \d+ bytes'):
        check(content)


def test_ordinary_content_is_not_refused():
    shared = torch.zeros(1)
    check({'a': shared, 'b': [shared] * 10**6, 'c': {(1, 2): {3}}, 'd': None, 'e': 'x' * 1000})
    check({'a': torch.zeros(0), 'b': torch.eye(2).to_sparse(), 'c': torch.zeros(9, device='meta')})
    check({'a': torch.zeros(7)}, records=None)
    check({'a': torch.zeros(1 << 12, 1 << 12)}, size=64 << 20, records=frozenset({64 << 20}))


def test_a_tensor_without_a_record_is_refused():
    with pytest.raises(CheckpointFileError, match='no record of the file has this size'):
        check({'a': torch.zeros(7)})


def nested(depth, value=None):
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_is_bounded():
    check(nested(60, torch.zeros(1)))
    for depth in (65, 100_000):
        with pytest.raises(CheckpointFileError, match='nested more than 64 deep'):
            check(nested(depth, torch.zeros(1)))
    with pytest.raises(CheckpointFileError, match='would take'):
        check(nested(30, GIANT))


def test_what_is_referred_to_many_times_is_looked_at_once():
    value = [GIANT]
    for _ in range(50):
        value = [value, value]
    with pytest.raises(CheckpointFileError, match=f'take {4 << 40} bytes'):
        check(value)
    endless = {}
    endless['self'] = endless
    check(endless)
