"""What the wheel and the editable wheel hold, and that ``mim`` finds configs and tools in them."""

import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parent.parent
MIM = 'mmss_plugins/.mim'
CONFIG = 'cromss_mid_r18_13b_mini'

HOOK = """
import site, sys
before = list(sys.path)
site.addsitedir({site!r})
sys.path[:] = [path for path in sys.path if path not in before] + before
"""

pytestmark = pytest.mark.skipif(
    not (ROOT / 'build_backend').is_dir(), reason='the build backend is not here'
)


def leaf_configs():
    paths = (path.relative_to(ROOT) for path in (ROOT / 'configs').rglob('*.py'))
    return sorted(path.as_posix() for path in paths if '_base_' not in path.parts)


def tools():
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / 'tools').rglob('*.py'))


def build(kind, checkout, out):
    """Build with the backend of a checkout, as pip does; returns the wheel."""
    code = f'import sys, mmss_build; print(mmss_build.build_{kind}(sys.argv[1]))'
    env = {**os.environ, 'PYTHONPATH': str(checkout / 'build_backend')}
    run = subprocess.run(
        [sys.executable, '-c', code, str(out)],
        cwd=checkout, env=env, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return out / run.stdout.strip().splitlines()[-1]


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """A copy of the checkout, because building leaves files behind."""
    copy = tmp_path_factory.mktemp('source') / 'checkout with blank'
    unwanted = ('.*', 'data', 'work_dirs', 'demo_output', 'build', 'dist', '*.egg-info', 'tests')
    ignore = shutil.ignore_patterns(*unwanted, '__pycache__')

    def skip(folder, names):
        return set() if Path(folder).name == '.mim' else ignore(folder, names) - {'.mim'}

    shutil.copytree(ROOT, copy, symlinks=True, ignore=skip)
    return copy


@pytest.fixture(scope='module')
def wheel(checkout, tmp_path_factory):
    return build('wheel', checkout, tmp_path_factory.mktemp('wheel'))


@pytest.fixture(scope='module')
def editable(checkout, tmp_path_factory):
    return build('editable', checkout, tmp_path_factory.mktemp('editable'))


def installed(wheel, folder):
    """Lay a wheel out as an installation does; returns the folder that stands for site-packages."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope='module')
def wheel_site(wheel, tmp_path_factory):
    return installed(wheel, tmp_path_factory.mktemp('site'))


@pytest.fixture(scope='module')
def editable_site(editable, tmp_path_factory):
    return installed(editable, tmp_path_factory.mktemp('site'))


def python(site, *arguments, cwd):
    """Run Python elsewhere with a folder as an additional site-packages (.pth files included)."""
    start = HOOK.format(site=str(site))
    hook = Path(cwd) / 'hook'
    hook.mkdir(exist_ok=True)
    (hook / 'sitecustomize.py').write_text(start)
    env = {**os.environ, 'PYTHONPATH': str(hook)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=120
    )


def test_config_names_are_unique():
    names = [path.name for path in (ROOT / 'configs').rglob('*.py')]
    assert sorted(names) == sorted(set(names))


def test_wheel_holds_configs_and_tools_as_real_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for path in (*leaf_configs(), *tools(), 'model-index.yml'):
            assert archive.read(f'{MIM}/{path}') == (ROOT / path).read_bytes()
        bases = list((ROOT / 'configs' / '_base_').rglob('*.py'))
        assert bases
        for path in bases:
            assert f'{MIM}/{path.relative_to(ROOT).as_posix()}' in names
        assert all(entry.external_attr >> 28 != 0o12 for entry in archive.infolist())  # no link
    assert not [name for name in names if '__pycache__' in name or name.startswith('tests')]


def test_wheel_holds_all_modules(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if MIM not in name and name.endswith('.py')}
    package = ROOT / 'mmss_plugins'
    modules = {path for path in package.rglob('*.py') if '.mim' not in path.parts}
    assert inside == {path.relative_to(ROOT).as_posix() for path in modules}


def test_no_mm_distribution_without_an_extra(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        metadata = Parser().parsestr(archive.read(name).decode())
    required = metadata.get_all('Requires-Dist')
    plain = [entry for entry in required if 'extra ==' not in entry]
    assert any(entry.startswith('torch') for entry in plain)
    assert not [entry for entry in plain if entry.startswith(('mm', 'onedl', 'openmim'))]
    extras = set(metadata.get_all('Provides-Extra'))
    assert {'openmmlab', 'onedl', 'geo', 'dev', 'tensorboard'} <= extras
    assert metadata['Version'] == version()


def version():
    text = (ROOT / 'mmss_plugins' / 'version.py').read_text()
    return next(line for line in text.splitlines() if line.startswith('__version__')).split("'")[1]


def test_editable_wheel_has_no_copies(editable, checkout):
    with zipfile.ZipFile(editable) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert 'mmss_plugins/__init__.py' not in files
    pth = [text for name, text in files.items() if name.endswith('.pth')]
    assert [text.strip() for text in pth] == [str(checkout)]
    for path in leaf_configs():
        assert f'_base_ = {str(checkout / path)!r}' in files[f'{MIM}/{path}']
    for path in tools():
        assert f'TARGET = {str(checkout / path)!r}' in files[f'{MIM}/{path}']
    assert not [name for name in files if '_base_' in name]


@pytest.mark.parametrize('kind', ['wheel', 'editable'])
def test_record_fits_the_files(kind, request):
    with zipfile.ZipFile(request.getfixturevalue(kind)) as archive:
        record = next(name for name in archive.namelist() if name.endswith('.dist-info/RECORD'))
        rows = list(csv.reader(io.StringIO(archive.read(record).decode())))
        assert sorted(row[0] for row in rows) == sorted(archive.namelist())
        for name, digest, size in rows:
            if name != record:
                data = archive.read(name)
                value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
                assert digest == f'sha256={value.rstrip("=")}'
                assert int(size) == len(data)


def test_editable_config_is_the_checkouts(editable_site, checkout):
    path = next((ROOT / 'configs').rglob(f'{CONFIG}.py')).relative_to(ROOT)
    original = checkout / path
    through = Config.fromfile(editable_site / MIM / path)
    assert through.to_dict() == Config.fromfile(original).to_dict()
    text = original.read_text()
    original.write_text(f'{text}\nlog_level = "ERROR"\n')
    try:
        assert Config.fromfile(editable_site / MIM / path).log_level == 'ERROR'
    finally:
        original.write_text(text)


def test_editable_install_imports_the_checkout(editable_site, checkout, tmp_path):
    run = python(
        editable_site, '-c', 'import mmss_plugins; print(mmss_plugins.__file__)', cwd=tmp_path
    )
    assert run.stdout.strip() == str(checkout / 'mmss_plugins' / '__init__.py'), run.stderr


def test_editable_script_whose_checkout_is_gone(checkout, tmp_path):
    spec = importlib.util.spec_from_file_location(
        'mmss_build_here', ROOT / 'build_backend' / 'mmss_build.py'
    )
    backend = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(backend)
    moved = tmp_path / 'moved'
    shutil.copytree(checkout, moved, symlinks=True)
    script = tmp_path / 'train.py'
    script.write_text(backend.forwarding_files(moved)[f'{MIM}/tools/train.py'])
    shutil.rmtree(moved)
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert run.returncode == 1
    assert 'is gone' in run.stderr
    assert str(moved) in run.stderr


def original_mim():
    """True with openmim and the setuptools that it needs; its fork does not find names."""
    try:
        importlib.metadata.distribution('openmim')
    except importlib.metadata.PackageNotFoundError:
        return False
    return importlib.util.find_spec('pkg_resources') is not None


@pytest.mark.parametrize('kind', ['wheel_site', 'editable_site'])
def test_mim_finds_configs_and_tools(kind, request, tmp_path):
    if not original_mim():
        pytest.skip('openmim is not usable here')
    site = request.getfixturevalue(kind)
    arguments = ('-m', 'mim', 'test', 'mmss_plugins', f'{CONFIG}.py', '--checkpoint', 'absent.pth')
    run = python(site, *arguments, cwd=tmp_path)
    assert f'{site}/{MIM}/configs' in run.stdout, run.stdout + run.stderr
    assert f'{site}/{MIM}/tools/test.py' in run.stdout
    assert "checkpoint 'absent.pth' is not a file" in run.stderr  # our tool ran, with the config


@pytest.mark.parametrize('kind', ['wheel_site', 'editable_site'])
def test_mim_reads_the_model_index(kind, request):
    load = pytest.importorskip('modelindex.load_model_index').load
    site = request.getfixturevalue(kind)
    index = load(str(site / MIM / 'model-index.yml'))
    index.build_models_with_collections()
    models = {model.name: model.config for model in index.models}
    assert CONFIG in models
    assert all(Path(config).stem == name for name, config in models.items())
    assert {Path(config).as_posix() for config in models.values()} <= set(leaf_configs())
