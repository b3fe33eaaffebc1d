import copy
import logging
import random

import numpy as np
import pytest
import torch
from mmengine.dataset import (
    BaseDataset,
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
    worker_init_fn,
)
from torch.utils.data import DataLoader

from mmss_plugins.engine.samplers import EpochSeededSampler
from mmss_plugins.utils.seeding import SeededIndex, SeededSampleMixin, seeded_randomness


def draw():
    return random.random(), float(np.random.random()), float(torch.rand(()))


class Draws(SeededSampleMixin, BaseDataset):
    """Its samples are random numbers of all three generators."""

    def __init__(self, length=10):
        self.length = length
        super().__init__(pipeline=[lambda info: {**info, 'draw': draw()}])

    def load_data_list(self):
        return [{'number': i} for i in range(self.length)]


def epoch_draws(num_workers, epoch, seed=3, batch_size=3, context=None, dataset=None):
    data = dataset or Draws()
    sampler = EpochSeededSampler(data, shuffle=True, seed=seed)
    sampler.set_epoch(epoch)
    loader = DataLoader(
        data,
        batch_size=batch_size,
        sampler=sampler,
        num_workers=num_workers,
        collate_fn=list,
        multiprocessing_context=context,
        worker_init_fn=worker_init_fn_of(num_workers),
    )
    return [(s['number'], s['draw']) for batch in loader for s in batch]


def worker_init_fn_of(num_workers):
    from functools import partial

    return partial(worker_init_fn, num_workers=num_workers, rank=0, seed=0) if num_workers else None


def test_index_survives_copying_and_arithmetic():
    index = SeededIndex(7, (1, 2, 7))
    for found, value in [
        (copy.deepcopy(index), 7),
        (index % 5, 2),
        (index - 3, 4),
        (index + 1, 8),
    ]:
        assert (int(found), found.stream) == (value, (1, 2, 7))


def test_stream_decides_and_global_state_is_restored():
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    expected_after = draw()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    with seeded_randomness((1, 2, 3)):
        first = draw()
    assert draw() == expected_after
    with seeded_randomness((1, 2, 3)):
        assert draw() == first
    with seeded_randomness((1, 2, 4)):
        assert draw() != first


def test_state_is_restored_after_an_error():
    state = random.getstate()
    with pytest.raises(KeyError), seeded_randomness((1,)):
        raise KeyError
    assert random.getstate() == state


@pytest.mark.parametrize('num_workers', [1, 2, 3])
def test_samples_do_not_depend_on_workers_or_batches(num_workers):
    alone = epoch_draws(0, epoch=1)
    assert epoch_draws(num_workers, epoch=1) == alone
    assert sorted(epoch_draws(num_workers, epoch=1, batch_size=4)) == sorted(alone)


def test_epochs_and_seeds_and_samples_differ():
    first, second = dict(epoch_draws(0, epoch=0)), dict(epoch_draws(0, epoch=1))
    other_seed = dict(epoch_draws(0, epoch=0, seed=4))
    assert len(set(first.values())) == len(first) == 10
    assert all(first[i] != second[i] and first[i] != other_seed[i] for i in first)
    assert [i for i, _ in epoch_draws(0, epoch=0)] != [i for i, _ in epoch_draws(0, epoch=1)]


def test_wrapped_data_sets_keep_the_stream():
    repeated = epoch_draws(0, epoch=0, dataset=RepeatDataset(Draws(4), times=3))
    assert len({value for _, value in repeated}) == 12  # a repeated sample is augmented differently
    assert epoch_draws(2, epoch=0, dataset=RepeatDataset(Draws(4), times=3)) == repeated
    joined = epoch_draws(0, epoch=0, dataset=ConcatDataset([Draws(3), Draws(4)]))
    assert epoch_draws(2, epoch=0, dataset=ConcatDataset([Draws(3), Draws(4)])) == joined


def test_plain_indices_follow_the_global_generators():
    data = Draws()
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    assert data[0]['draw'][1] == expected


class Unseeded(BaseDataset):
    """Like Draws, but it knows nothing of streams."""

    def __init__(self):
        super().__init__()

    def load_data_list(self):
        return [{'number': i} for i in range(3)]


@pytest.mark.parametrize(
    ('make', 'warned'),
    [
        (Draws, []),
        (lambda: RepeatDataset(Draws(), times=2), []),
        (lambda: ConcatDataset([Draws(), Draws()]), []),
        (lambda: RepeatDataset(Unseeded(), times=2), ['RepeatDataset']),
        (Unseeded, ['Unseeded']),
        (lambda: ConcatDataset([Draws(), Unseeded()]), ['ConcatDataset']),
        (lambda: ClassBalancedDataset(Counted(), 1e-3), ['ClassBalancedDataset']),
    ],
)
def test_a_data_set_that_loses_the_stream_is_warned_of_once(make, warned, monkeypatch):
    def log(message, logger=None, level=logging.INFO):
        assert (logger, level) == ('current', logging.WARNING)
        messages.append(message)

    messages = []
    monkeypatch.setattr('mmss_plugins.engine.samplers.epoch_seeded_sampler.print_log', log)
    sampler = EpochSeededSampler(make(), seed=0)
    for epoch in range(2):
        sampler.set_epoch(epoch)
        list(sampler)
    assert len(messages) == len(warned)
    for message, name in zip(messages, warned, strict=True):
        assert f'EpochSeededSampler: {name} does not' in message
        assert 'SeededSampleMixin' in message


class Counted(Draws):
    """With the classes that ClassBalancedDataset asks for."""

    metainfo = {'classes': ('a',)}

    def get_cat_ids(self, idx):
        return [0]
