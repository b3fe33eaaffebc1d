import multiprocessing
import os
import time

import pytest

from mmss_plugins.utils.errors import PrepareUsageError
from mmss_plugins.utils.parallel import default_workers, ordered_map


def square_late(number):
    time.sleep(0.002 * (5 - number % 5))  # later items are done sooner
    return number**2, os.getpid()


def fail_at_3(number):
    if number == 3:
        raise ValueError('three')
    return number


def die_at_3(number):
    if number == 3:
        os._exit(9)
    return number


@pytest.mark.parametrize('workers', [1, 2])
def test_results_come_in_order(workers):
    results = list(ordered_map(square_late, range(23), workers))
    assert [(item, square) for item, (square, _) in results] == [(n, n**2) for n in range(23)]
    pids = {pid for _, (_, pid) in results}
    assert (os.getpid() in pids) == (workers == 1)
    assert len(pids) <= workers


def test_items_are_taken_only_as_results_are_used():
    taken = []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    results = ordered_map(square_late, items(), 2)
    for used in range(1, 10):
        next(results)
        assert len(taken) <= used + 4
    results.close()
    assert not multiprocessing.active_children()


@pytest.mark.parametrize('workers', [1, 2])
def test_an_unexpected_error_is_raised_here(workers):
    results = ordered_map(fail_at_3, range(9), workers)
    assert [next(results)[0] for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match='three'):
        next(results)


def test_a_dead_worker_is_reported_with_the_items_at_work():
    with pytest.raises(PrepareUsageError, match=r'worker process died.*samples: .*3') as error:
        list(ordered_map(die_at_3, range(50), 2))
    assert '40' not in str(error.value)


def test_default_workers():
    assert 1 <= default_workers() <= os.cpu_count()
