"""The table on synthetic data, with a stand-in for the commands that it runs."""

import pytest
from helpers.faked_steps import FakedSteps, load_tool

from mmss_plugins.cli.config_files import find_config
from projects.studies import mini_table
from projects.studies.mini_table_data import CONFIGS

PSP, OSM = 'pspnet_r18_mini_dfc2020-s2', 'fpn_r18_mini_osm-s2'


@pytest.fixture
def steps():
    return FakedSteps()


@pytest.fixture
def table(tmp_path, steps):
    def run(*arguments):
        out = ('--work-dir', str(tmp_path / 'out'))
        return mini_table.main([*arguments, *out], steps.runner)

    return run


def test_its_configs_are_all_there():
    """One of every kind of model and of every downstream data set."""
    assert [find_config(name).stem for name in CONFIGS] == list(CONFIGS)
    assert len(set(CONFIGS)) == len(CONFIGS)


def test_a_data_set_per_seed_and_the_configs_read_it(tmp_path, table, steps):
    sizes = ('--labelled', '5', '--tiles', '7')
    assert table('--configs', PSP, OSM, '--seeds', '2', '1', *sizes) == 0
    made = [call for call in steps.calls if call[0] not in ('train', 'test')]
    assert [call[0] for call in made] == 2 * ['synthetic', 'dfc2020', 'noldo_downstream']
    generated = load_tool('synthetic').parse_args(made[0][1:])
    assert (generated.seed, generated.locations, generated.size) == (2, 0, 72)
    assert (generated.dfc_train, generated.dw_train, generated.osm_train) == (5, 7, 7)
    assert (generated.dfc_test, generated.dw_test, generated.osm_test) == (64, 64, 64)
    assert (generated.parts, generated.downstream_size) == (['sentinel', 'dw', 'osm'], 128)
    folder = tmp_path / 'out' / 'worlds' / 'seed2'
    assert generated.out == folder / 'raw'
    stores = {call[0]: call[1:3] for call in made[1:3]}
    for name, (raw, store) in stores.items():
        assert (raw, store) == (f'{folder}/raw/{name}', f'{folder}/mini/{name}')
    trained = [call[1:3] for call in steps.calls if call[0] == 'train']
    assert trained == [(PSP, 2), (OSM, 2), (PSP, 1), (OSM, 1)]
    dataset = steps.configs['train'].train_dataloader.dataset
    assert dataset.data_root == f'{tmp_path}/out/worlds/seed1/mini/noldo_downstream/osm_train.lmdb'
    assert dataset.indices is None
    assert (tmp_path / 'out' / 'table.md').is_file()
    steps.calls.clear()
    assert table('--configs', PSP, OSM, '--seeds', '1', *sizes) == 0
    assert steps.calls == []


def test_other_sizes_are_refused(table, steps, capsys):
    assert table('--configs', PSP) == 0
    steps.calls.clear()
    assert table('--configs', PSP, '--tested', '9') == 1
    assert 'tested is 64 there, 9 here' in capsys.readouterr().err
    assert table('--configs', PSP, '--only-report') == 0
    assert steps.calls == []


def test_a_folder_that_cannot_be_written_is_reported(tmp_path, table, steps, capsys):
    (tmp_path / 'out').touch()
    assert table() == 1
    assert f"error: [Errno 17] File exists: '{tmp_path / 'out'}'" in capsys.readouterr().err
    assert steps.calls == []
