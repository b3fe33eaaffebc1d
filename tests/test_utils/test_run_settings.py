import hashlib
import json

import pytest
from mmengine.config import Config

from mmss_plugins.utils.atomic_files import write_json
from mmss_plugins.utils.run_settings import (
    differences,
    digest,
    file_digest,
    read_json,
    resolved_settings,
)

CONFIG = """
lr = 0.1
optimizer = dict(type='Adam', lr=lr, betas=(0.9, 0.99))
work_dir = 'here'
train_dataloader = dict(num_workers=2, persistent_workers=True, batch_size=4)
"""


def settings_of(tmp_path, **options):
    path = tmp_path / 'config.py'
    path.write_text(CONFIG)
    cfg = Config.fromfile(path)
    cfg.merge_from_dict({name.replace('__', '.'): value for name, value in options.items()})
    return resolved_settings(cfg)


def test_settings_are_the_config_as_json_holds_it(tmp_path):
    assert settings_of(tmp_path) == {
        'lr': 0.1,
        'optimizer': {'type': 'Adam', 'lr': 0.1, 'betas': [0.9, 0.99]},
        'train_dataloader': {'batch_size': 4},
    }


@pytest.mark.parametrize(
    'options',
    [{'work_dir': 'there'}, {'train_dataloader__num_workers': 0}, {'resume': True}],
)
def test_where_and_how_fast_is_no_other_run(tmp_path, options):
    assert digest(settings_of(tmp_path)) == digest(settings_of(tmp_path, **options))


@pytest.mark.parametrize(
    'options',
    [
        {'optimizer__lr': 0.2},
        {'randomness': {'seed': 1}},
        {'optimizer__betas': (0.9, 0.999)},
        {'train_dataloader__batch_size': 8},
    ],
)
def test_whatever_decides_the_result_changes_the_digest(tmp_path, options):
    plain, other = settings_of(tmp_path), settings_of(tmp_path, **options)
    assert digest(plain) != digest(other)
    assert differences(plain, other)


def test_a_digest_is_sha256_of_the_sorted_content():
    text = '{"a":[1,null],"b":{"c":"x","d":true}}'
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert digest({'b': {'d': True, 'c': 'x'}, 'a': [1, None]}) == expected
    assert digest(json.loads(text)) == expected


def test_differences_name_the_keys_and_both_values():
    there = {'a': {'b': 1, 'c': [1, 2]}, 'd': 'x', 'same': {}}
    here = {'a': {'b': 2, 'c': [1, 3]}, 'e': None, 'same': {}}
    assert differences(there, here) == (
        'a.b is 1 there, 2 here, a.c.1 is 2 there, 3 here, d is "x" there, missing here, '
        'e is missing there, null here'
    )
    assert differences(there, there) == ''


def test_differences_are_those_of_the_digest():
    """JSON distinguishes 1, 1.0 and true, where Python's == does not."""
    for one, other in ((1, 1.0), (1, True), ([], {}), (None, 'null')):
        assert digest({'a': one}) != digest({'a': other})
        assert differences({'a': one}, {'a': other})


def test_a_message_names_only_some_of_many_differences():
    text = differences({str(i): 0 for i in range(9)}, {str(i): 1 for i in range(9)})
    assert text.count(' there, ') == 4
    assert text.endswith('and 5 more')


def test_files_by_their_content(tmp_path):
    path = tmp_path / 'weights.pth'
    path.write_bytes(bytes(range(256)) * 9000)  # more than one block
    assert file_digest(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'new' / 'result.json'
    write_json(path, {'a': 1})
    with pytest.raises(TypeError):
        write_json(path, {'a': object()})
    assert read_json(path) == {'a': 1}
    assert [item.name for item in path.parent.iterdir()] == ['result.json']
