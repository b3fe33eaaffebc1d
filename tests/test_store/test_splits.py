import hashlib
from collections import Counter
from itertools import pairwise

import pytest

from mmss_plugins.store.splits import (
    holdout_part,
    read_split_file,
    select_ids,
    subset_part,
)

IDS = [f'{i:07d}' for i in range(1000)]
PATCHES = [f'{tile}-{patch}' for tile in range(24) for patch in range(5 + tile)]
TILES = [patch.split('-')[0] for patch in PATCHES]


def test_parts_are_disjoint_complete_and_ordered():
    train, val = (holdout_part(IDS, 0.01, part, seed=1) for part in ('train', 'val'))
    assert len(val) == 10
    assert sorted(train + val) == IDS
    assert train == sorted(train)
    assert val == sorted(val)


def test_split_depends_on_seed_and_ids_only():
    val = holdout_part(IDS, 0.1, 'val', seed=1)
    assert sorted(holdout_part(IDS[::-1], 0.1, 'val', seed=1)) == val
    assert holdout_part(IDS, 0.1, 'val', seed=2) != val
    assert len(set(val) & set(holdout_part(IDS, 0.1, 'val', seed=2))) < 40  # chance: 10


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'fraction': 0, 'part': 'val'}, 'between 0 and 1'),
        ({'fraction': 1.0, 'part': 'val'}, 'between 0 and 1'),
        ({'fraction': 0.5, 'part': 'test'}, "'train' or 'val', but got 'test'"),
    ],
)
def test_bad_holdouts_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        holdout_part(IDS, **kwargs)


def test_neither_part_is_ever_empty():
    assert holdout_part(['a', 'b'], 0.001, 'val') + holdout_part(['a', 'b'], 0.999, 'train')
    with pytest.raises(ValueError, match='1 samples cannot be split'):
        holdout_part(['a'], 0.5, 'val')


def test_split_file(tmp_path):
    path = tmp_path / 'split.txt'
    path.write_text('# few\nb\n\n a \n')
    assert read_split_file(path) == ['b', 'a']
    assert select_ids(['a', 'b', 'c'], ['b', 'a'], path, 'store') == ['b', 'a']
    with pytest.raises(ValueError, match=r"names 1 samples that store does not hold, such as 'z'"):
        select_ids(['a'], ['a', 'z'], path, 'store')


@pytest.mark.parametrize(('text', 'message'), [('# none\n', 'no sample'), ('a\nb\na\n', "'a'")])
def test_bad_split_files(tmp_path, text, message):
    path = tmp_path / 'split.txt'
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_split_file(path)


def test_missing_split_file():
    with pytest.raises(FileNotFoundError, match='nowhere'):
        read_split_file('nowhere.txt')


def test_a_group_is_never_on_both_sides():
    sides = {}
    for part in ('train', 'val'):
        found = holdout_part(PATCHES, 0.125, part, seed=5, groups=TILES)
        assert found == [patch for patch in PATCHES if patch in found]
        sides[part] = found
    assert sorted(sides['train'] + sides['val']) == sorted(PATCHES)
    tiles = {part: {patch.split('-')[0] for patch in found} for part, found in sides.items()}
    assert tiles['train'].isdisjoint(tiles['val'])
    assert len(tiles['val']) == 3, 'an eighth of the groups, however large'
    with pytest.raises(ValueError, match="2 samples, all of 'a', cannot be split in two"):
        holdout_part(['a-0', 'a-1'], 0.5, 'val', groups=['a', 'a'])


def test_groups_of_one_are_the_ids_themselves():
    assert holdout_part(IDS, 0.1, 'val', groups=IDS) == holdout_part(IDS, 0.1, 'val')
    assert subset_part(IDS, 0.1, groups=IDS) == subset_part(IDS, 0.1)


def test_the_parts_of_published_runs_do_not_change():
    ids = [f'{i:07d}' for i in range(20)]
    expected = sorted(
        ids, key=lambda name: hashlib.sha256(f'7/{name}'.encode()).hexdigest()
    )  # by the definition
    assert holdout_part(ids, 0.15, 'val', seed=7) == sorted(expected[:3])


@pytest.mark.parametrize('groups', [None, TILES])
def test_subsets_are_seeded_and_nested(groups):
    sizes = [0.01, 0.05, 0.1, 1.0]
    chosen = [subset_part(PATCHES, fraction, seed=2, groups=groups) for fraction in sizes]
    assert [len(part) for part in chosen] == [round(len(PATCHES) * size) for size in sizes]
    for small, large in pairwise(chosen):
        assert set(small) < set(large)
    for part in chosen:
        assert part == [patch for patch in PATCHES if patch in part]
    assert subset_part(PATCHES, 0.1, seed=3, groups=groups) != chosen[2]
    assert subset_part(PATCHES, count=4, seed=2, groups=groups) == chosen[0]
    assert chosen[3] == PATCHES


def test_a_subset_by_group_fills_one_group_before_the_next():
    chosen = subset_part(PATCHES, count=60, groups=TILES)
    counts = Counter(patch.split('-')[0] for patch in chosen)
    partial = [tile for tile, count in counts.items() if count < 5 + int(tile)]
    assert len(partial) <= 1
    assert len(Counter(p.split('-')[0] for p in subset_part(PATCHES, count=60))) > len(counts)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({}, 'give a fraction or a count, but got None and None'),
        ({'fraction': 0.1, 'count': 3}, 'but got 0.1 and 3'),
        ({'fraction': 0}, r'must lie in \(0, 1\], but got 0'),
        ({'fraction': 1.5}, 'but got 1.5'),
        ({'count': 0}, r'1\.\.1000 samples, but got 0'),
        ({'count': 1001}, 'but got 1001'),
    ],
)
def test_bad_subsets_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        subset_part(IDS, **kwargs)
