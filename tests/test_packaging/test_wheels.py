"""What the wheel and the editable wheel hold."""

import base64
import csv
import hashlib
import importlib.util
import io
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from helpers.installed_package import CONFIG, MIM, ROOT, leaf_configs, python, tools
from mmengine.config import Config

pytestmark = pytest.mark.skipif(
    not (ROOT / 'build_backend').is_dir(), reason='the build backend is not here'
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


def test_wheel_holds_all_files_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith('mmss_plugins/')}
    files = [path for path in (ROOT / 'mmss_plugins').rglob('*') if path.is_file()]
    names = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if path.suffix != '.pyc' and '.mim' not in path.parts
    }
    assert {name for name in inside if MIM not in name} == names


def test_wheel_holds_no_commands_of_a_checkout(wheel):
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if 'projects' in name]


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
    scripts = {name for name in files if name.startswith(f'{MIM}/tools/')}
    assert scripts == {f'{MIM}/{path}' for path in tools()}, 'modules of a tool are no tools'
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


ENTRY = """
import sys
from importlib.metadata import distributions
(installed,) = distributions(path=[sys.argv.pop(1)])
(entry,) = installed.entry_points.select(group='console_scripts', name='mmss')
function = entry.load()
print(sys.modules[function.__module__].__file__)
sys.exit(function())
"""


@pytest.mark.parametrize('kind', ['wheel_site', 'editable_site'])
def test_the_command_is_installed(kind, request, checkout, tmp_path):
    site = request.getfixturevalue(kind)
    run = python(site, '-c', ENTRY, str(site), '--version', cwd=tmp_path)
    place = site if kind == 'wheel_site' else checkout
    assert run.stdout.splitlines() == [str(place / 'mmss_cli.py'), f'mmss_plugins {version()}']


def test_the_command_finds_the_configs_of_a_wheel(wheel_site, tmp_path):
    arguments = ('-m', 'mmss_plugins', 'test', CONFIG, '--checkpoint', 'absent.pth')
    run = python(wheel_site, *arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert "mmss test: error: checkpoint 'absent.pth' is not a file" in run.stderr


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
