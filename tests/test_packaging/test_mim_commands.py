"""``mim`` finds our configs and tools by name, installed and editable, and runs them."""

import importlib.metadata
import importlib.util

import pytest
from helpers.installed_package import CONFIG, MIM, ROOT, python
from helpers.store_factory import write_dfc_store

TRAINED = 'pspnet_r18_mini_dfc2020-s2.py'
TINY = [
    'train_cfg.max_epochs=1',
    'train_cfg.val_interval=1',
    'default_hooks.checkpoint.interval=1',
    'model.backbone.base_channels=8',
    'model.backbone.stem_channels=8',
    'model.decode_head.in_channels=64',
    'model.decode_head.channels=8',
] + [
    f'{name}_dataloader.{setting}'
    for name in ('train', 'val', 'test')
    for setting in (
        'dataset.data_root=dfc.lmdb',
        'dataset.indices=4',
        'dataset.holdout=None',
        'batch_size=2',
        'num_workers=0',
        'persistent_workers=False',
    )
]


def original_mim():
    """True with openmim and the setuptools that it needs; its fork does not find names."""
    try:
        importlib.metadata.distribution('openmim')
    except importlib.metadata.PackageNotFoundError:
        return False
    return importlib.util.find_spec('pkg_resources') is not None


pytestmark = pytest.mark.skipif(
    not (ROOT / 'build_backend').is_dir() or not original_mim(),
    reason='openmim is not usable here, or there is no build backend',
)


@pytest.fixture
def mim(tmp_path):
    """Run ``mim`` in a folder with a tiny store, on one of the installations."""
    write_dfc_store(tmp_path / 'dfc.lmdb', size=32)

    def run(site, *arguments):
        done = python(site, '-m', 'mim', *map(str, arguments), cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize('kind', ['wheel_site', 'editable_site'])
def test_mim_finds_configs_and_tools(kind, request, tmp_path):
    site = request.getfixturevalue(kind)
    arguments = ('-m', 'mim', 'test', 'mmss_plugins', f'{CONFIG}.py', '--checkpoint', 'absent.pth')
    run = python(site, *arguments, cwd=tmp_path)
    assert f'{site}/{MIM}/configs' in run.stdout, run.stdout + run.stderr
    assert f'{site}/{MIM}/tools/test.py' in run.stdout
    assert "checkpoint 'absent.pth' is not a file" in run.stderr  # our tool ran, with the config


def test_train_and_test_by_name_from_a_wheel(mim, wheel_site, tmp_path):
    pytest.importorskip('tensorboard')
    options = ('--work-dir', 'run', '--cfg-options', *TINY)
    said = mim(wheel_site, 'train', 'mmss_plugins', TRAINED, '--tensorboard', *options)
    assert f'{wheel_site}/{MIM}/tools/train.py' in said
    assert 'Epoch(train) [1][2/2]' in said
    assert 'Epoch(val) [1]' in said
    (events,) = (tmp_path / 'run').rglob('events.out.tfevents.*')
    assert events.stat().st_size > 100
    (scalars,) = (tmp_path / 'run').rglob('scalars.json')
    assert 'mIoU' in scalars.read_text()
    checkpoint = tmp_path / 'run' / 'epoch_1.pth'
    said = mim(wheel_site, 'test', 'mmss_plugins', TRAINED, '--checkpoint', checkpoint, *options)
    assert f'{wheel_site}/{MIM}/tools/test.py' in said
    assert 'Epoch(test) [2/2]' in said
    assert 'mDice' in said


def test_train_by_name_from_an_editable_install(mim, editable_site, tmp_path):
    said = mim(
        editable_site, 'train', 'mmss_plugins', TRAINED, '--work-dir', 'run',
        '--cfg-options', *TINY, 'train_cfg.val_interval=9',
    )  # fmt: skip
    assert f'{editable_site}/{MIM}/tools/train.py' in said
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


def test_our_config_with_the_train_script_of_mmsegmentation(mim, wheel_site, tmp_path):
    (config,) = (wheel_site / MIM / 'configs').rglob(TRAINED)
    said = mim(
        wheel_site, 'train', 'mmsegmentation', config, '--work-dir', 'run',
        '--cfg-options', *TINY, 'train_cfg.val_interval=9',
    )  # fmt: skip
    assert 'mmseg/.mim/tools/train.py' in said
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


@pytest.mark.parametrize('kind', ['wheel_site', 'editable_site'])
@pytest.mark.parametrize(
    ('tool', 'text'),
    [
        ('dfc2020', 'simplified IGBP labels'),
        ('cromss', 'bare backbone'),
        ('label_noise', '--proportion PROPORTION'),
    ],
)
def test_mim_runs_tools_by_name(kind, tool, text, mim, request):
    site = request.getfixturevalue(kind)
    said = mim(site, 'run', 'mmss_plugins', tool, '--', '--help')  # mim keeps a bare --help
    assert f'{site}/{MIM}/tools/' in said
    assert text in said
