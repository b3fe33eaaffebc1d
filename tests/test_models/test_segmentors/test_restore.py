import pytest
import torch

from mmss_plugins.models.segmentors.restore import (
    mean_probability_logits,
    pad_to_common_size,
    restore_logits,
)


def test_mean_probability_logits():
    first, second, third = 5 * torch.randn(3, 2, 4, 3, 3)
    found = mean_probability_logits([first, second, third]).softmax(1)
    expected = (first.softmax(1) + second.softmax(1) + third.softmax(1)) / 3
    torch.testing.assert_close(found, expected)
    assert mean_probability_logits([first]) is first
    extreme = torch.tensor([300.0, -300.0]).reshape(1, 2, 1, 1)
    assert mean_probability_logits([extreme, -extreme]).softmax(1).flatten().tolist() == [0.5, 0.5]


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_flips_are_undone(direction):
    image = torch.arange(12.0).reshape(1, 3, 4)
    dims = {'horizontal': [2], 'vertical': [1], 'diagonal': [1, 2]}[direction]
    flipped = image.flip(dims)
    assert torch.equal(restore_logits(flipped, {'flip': True, 'flip_direction': direction}), image)


def test_flip_of_unknown_direction_is_an_error():
    with pytest.raises(ValueError, match="'up'"):
        restore_logits(torch.zeros(1, 2, 2), {'flip': True, 'flip_direction': 'up'})


def test_without_metainfo_nothing_changes():
    logits = torch.randn(3, 4, 5)
    assert torch.equal(restore_logits(logits, {}), logits)


def test_test_time_padding_wins_over_that_of_the_pipeline():
    logits = torch.randn(1, 6, 6)
    meta = {'padding_size': (1, 1, 1, 1), 'img_padding_size': (0, 2, 0, 1)}
    assert torch.equal(restore_logits(logits, meta), logits[:, :5, :4])


def test_pad_to_common_size():
    maps = [torch.ones(2, 3, 5), 2 * torch.ones(2, 4, 1)]
    found = pad_to_common_size(maps, -1)
    assert found.shape == (2, 2, 4, 5)
    assert torch.equal(found[0, :, :3], maps[0])
    assert found[0, :, 3:].eq(-1).all()
    assert torch.equal(found[1, :, :, :1], maps[1])
    assert found[1, :, :, 1:].eq(-1).all()
