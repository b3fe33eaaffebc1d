"""The process group opens in ranks on machines without a GPU, and nowhere else."""

import multiprocessing

import pytest
import torch

from mmss_plugins.compat import cpu_distributed

LAUNCHER = {'RANK': '0', 'WORLD_SIZE': '2', 'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': '29511'}


@pytest.fixture
def rank(monkeypatch):
    for name, value in LAUNCHER.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    return monkeypatch


def test_needed_in_a_rank_without_gpu(rank):
    assert cpu_distributed.is_needed()


@pytest.mark.parametrize('name', LAUNCHER)
def test_not_needed_outside_a_launcher(rank, name):
    rank.delenv(name)
    assert not cpu_distributed.is_needed()


def test_not_needed_with_a_gpu(rank):
    rank.setattr(torch.cuda, 'is_available', lambda: True)
    assert not cpu_distributed.is_needed()


def test_not_needed_in_a_worker_of_a_rank(rank):
    rank.setattr(multiprocessing, 'parent_process', lambda: object())
    assert not cpu_distributed.is_needed()


def test_an_open_group_is_kept(rank):
    rank.setattr(torch.distributed, 'is_initialized', lambda: True)
    assert not cpu_distributed.is_needed()
