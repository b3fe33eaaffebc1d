import pytest

from mmss_plugins.datasets.splits import holdout_part, read_split_file, select_ids

IDS = [f'{i:07d}' for i in range(1000)]


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
