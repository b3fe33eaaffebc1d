"""Which files are found, and that no two samples get one name."""

import pytest

from mmss_plugins.prepare.image_paths import find_files, read_table, sample_names
from mmss_plugins.utils.errors import PrepareUsageError

FILES = ('a/1.png', 'b/1.png', 'b/c/2.jpg', 'b/3.txt', 'a/._1.png', '__MACOSX/a/1.png')


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in FILES:
        (tmp_path / 'data' / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / 'data' / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path / 'data'


def keys(*sources):
    return [file.key for file in find_files(sources, ('.png', '.jpg'))]


def test_folders_patterns_and_files(folder):
    assert keys('data') == ['a/1', 'b/1', 'b/c/2']
    assert keys(str(folder / '*' / '1.png')) == ['a', 'b']
    assert keys('data/**/*.jpg') == ['b/c/2']
    assert keys('data/[a]/?.png') == ['a/1']
    assert keys('data/a/1.png', 'data/b/1.png') == ['a/1', 'b/1']
    assert keys('data/a', 'data/b') == ['a/1', 'b/1', 'b/c/2']
    assert [file.region for file in find_files(['data'], ('.jpg',))] == ['b/c']
    for wrong in ('nothing', 'data/*.png', 'data/b/3.txt'):
        with pytest.raises(PrepareUsageError, match='expected'):
            keys(wrong)


def test_folders_with_brackets_and_both_kinds_of_paths(folder):
    (folder / 'x [2020], ü').mkdir()
    (folder / 'x [2020], ü' / '7.png').touch()
    assert keys('data/x [2020], ü/*.png') == ['7']
    assert keys(str(folder / 'x [2020], ü' / '[7].png')) == ['7']
    assert keys('data/x*/*.png') == ['x [2020], ü/7'.replace('x', '', 1)]
    assert keys('data/a/1.png', str(folder / 'b/1.png')) == ['a/1', 'b/1']


def test_names_are_of_the_path_and_differ(folder):
    assert sample_names(find_files(['data'], ('.png', '.jpg'))) == ['a__1', 'b__1', 'b__c__2']
    (folder / 'a/1.jpg').touch()
    assert sample_names(find_files(['data/a'], ('.png', '.jpg'))) == ['1.jpg', '1.png']
    (folder / 'a__1.png').touch()
    with pytest.raises(PrepareUsageError, match=r'a__1.png: both samples would be named'):
        sample_names(find_files(['data'], ('.png',)))
    (folder / 'x').mkdir()
    (folder / 'x/__meta__.png').touch()  # what the store keeps for itself
    assert sample_names(find_files(['data/x'], ('.png',))) == ['-__meta__']


def test_tables(tmp_path):
    path = tmp_path / 'list.csv'
    path.write_text('image; split\na.png; val\n\nb.png;\n')
    assert read_table(path, ['image']) == [
        {'image': 'a.png', 'split': 'val'},
        {'image': 'b.png', 'split': ''},
    ]
    with pytest.raises(PrepareUsageError, match='row 3: no value for split'):
        read_table(path, ['split'])
    with pytest.raises(PrepareUsageError, match='columns label'):
        read_table(path, ['label'])
