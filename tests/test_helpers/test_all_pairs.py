from itertools import combinations, product

import pytest
from helpers.all_pairs import all_pairs


@pytest.mark.parametrize(
    'options',
    [
        {'a': [1, 2, 3], 'b': 'xy'},
        {'a': [1, 2, 3], 'b': 'xy', 'c': [None, {}], 'd': range(5)},
        {str(i): [0, 1, 2] for i in range(8)},
    ],
)
def test_every_pair_is_there_in_few_combinations(options):
    found = all_pairs(options)
    assert all(set(combination) == set(options) for combination in found)
    for a, b in combinations(options, 2):
        there = [(combination[a], combination[b]) for combination in found]
        assert all(pair in there for pair in product(options[a], options[b]))
    sizes = sorted(len(values) for values in options.values())
    assert sizes[-1] * sizes[-2] <= len(found) <= 2 * sizes[-1] * sizes[-2]
    assert found == all_pairs(options)
