import numpy as np
import pytest
import torch

from mmss_plugins.checkpoints.errors import CheckpointFileError
from mmss_plugins.checkpoints.spec.dataset_meta import dataset_classes


def classes_of(meta):
    return dataset_classes({'meta': {'dataset_meta': meta}}, 'x.pth')


def test_names_and_colours():
    assert classes_of({'classes': ('a', 'b'), 'palette': [[0, 1, 2], (255, 0, 0)]}) == (
        ('a', 'b'),
        ((0, 1, 2), (255, 0, 0)),
    )
    assert classes_of({'palette': [[np.int64(5), 1, 2]]})[1] == ((5, 1, 2),)
    for content in ({}, {'meta': None}, {'meta': {}}, {'meta': {'dataset_meta': {}}}):
        assert dataset_classes(content, 'x.pth') == ((), None)


@pytest.mark.parametrize(
    'meta',
    [
        5, 'text', {'classes': 'abc'}, {'classes': [1]}, {'classes': ['x' * 10**6]},
        {'classes': ['x'] * 10**5}, {'classes': torch.zeros(3)}, {'palette': 7},
        {'palette': [1, 2, 3]}, {'palette': [[1, 2]]}, {'palette': [[1, 2, 256]]},
        {'palette': [[1, 2, 10**9999]]}, {'palette': [[1, 2, '3']]}, {'palette': [[0.5, 0, 0]]},
    ],
)  # fmt: skip
def test_anything_else_is_an_error(meta):
    with pytest.raises(CheckpointFileError, match=r"x\.pth: meta\['dataset_meta'\].*: expected"):
        classes_of(meta)
