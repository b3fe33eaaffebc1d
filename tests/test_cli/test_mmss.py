"""The command ``mmss``: every entry, its help, errors, completion."""

import subprocess
import sys

import pytest
from helpers.paths import ROOT

import mmss_cli
from mmss_cli import COMMANDS, Command, load, main

LEAVES = [
    (name, *inner)
    for name, entry in COMMANDS.items()
    for inner in ([()] if isinstance(entry, Command) else [(key,) for key in entry])
]


@pytest.fixture(autouse=True)
def _arguments(monkeypatch):
    monkeypatch.setattr('sys.argv', ['mmss'])


@pytest.mark.parametrize('path', LEAVES, ids=' '.join)
def test_every_command_has_help_with_its_name(path, capsys):
    try:
        status = main([*path, '--help'])
    except SystemExit as ended:
        status = ended.code
    out = capsys.readouterr().out
    assert status == 0
    assert out.startswith(f'usage: mmss {" ".join(path)} ')
    assert '%(prog)s' not in out
    assert '.py ' not in out.partition('examples:')[2]


def test_tools_and_commands_are_the_same_functions():
    scripts = {path.relative_to(ROOT / 'tools').as_posix(): path.read_text()
               for path in (ROOT / 'tools').rglob('*.py')}  # fmt: skip
    places = {
        'train.py': 'train', 'test.py': 'test', 'predict.py': 'predict', 'lmdb.py': 'store',
        'analysis/table.py': 'table', 'analysis/label_noise.py': 'label-noise',
        'prepare/download_noldo.py': 'download noldo',
    }  # fmt: skip
    for script, text in scripts.items():
        folder, _, name = script.removesuffix('.py').rpartition('/')
        path = places.get(script, f'{folder} {name.replace("_", "-")}').split()
        entry = COMMANDS[path[0]] if len(path) == 1 else COMMANDS[path[0]][path[1]]
        module, _, function = entry.target.partition(':')
        assert f'from {module} import {function}\n' in text, script
        assert f'sys.exit({function}())' in text, script


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['trian'], "mmss: error: unknown command 'trian': did you mean train?"),
        (['prepare', 'x'], "mmss prepare: error: unknown command 'x': choose from noldo-pretrain,"),
        (['prepare'], 'usage: mmss prepare COMMAND'),
        ([], 'usage: mmss COMMAND'),
        (['completion', 'fish'], 'usage: mmss completion {bash,zsh}'),
    ],
)
def test_wrong_words_are_usage_errors(words, said, capsys):
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ''
    assert said in streams.err


def test_errors_name_the_command(capsys, tmp_path):
    with pytest.raises(SystemExit, match='2'):
        main(['train', 'no_such_config'])
    error = capsys.readouterr().err
    assert error.startswith("mmss train: error: config 'no_such_config' is neither")
    assert main(['convert', 'dofa', str(tmp_path / 'none.pth'), str(tmp_path / 'out.pth')]) == 2
    assert capsys.readouterr().err.startswith('mmss convert dofa: error: ')


def test_without_a_checkout_the_demo_says_where_it_is(monkeypatch):
    monkeypatch.setitem(sys.modules, 'projects', None)
    for name in [name for name in sys.modules if name.startswith('projects.')]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit, match='get a checkout'):
        load(COMMANDS['demo'])


def test_missing_mm_packages_are_named_without_a_traceback():
    code = "import sys, mmss_cli; sys.modules['mmseg'] = None; sys.exit(mmss_cli.main(['train']))"
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 1
    assert run.stderr.startswith('mmss: error: mmss_plugins needs mmseg, which is not installed')


def test_help_and_version_load_nothing_heavy():
    code = (
        'import sys, mmss_cli\n'
        "WORDS = (['--help'], ['prepare', '-h'], ['--version'])\n"
        'print([mmss_cli.main(words) for words in WORDS])\n'
        "print([name for name in ('torch', 'mmengine', 'mmss_plugins') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    lines = run.stdout.splitlines()
    assert lines[-2:] == ['[0, 0, 0]', '[]']
    assert lines[-3].startswith('mmss_plugins ')


@pytest.fixture(scope='module')
def script():
    import contextlib
    import io

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        assert mmss_cli.completion(['bash']) == 0
    return text.getvalue()


@pytest.mark.parametrize(
    ('line', 'found'),
    [
        ('mmss pre', ['predict', 'prepare']),
        ('mmss prepare ', list(COMMANDS['prepare'])),
        ('mmss train --am', ['--amp']),
        ('mmss train grass_r18_m', ['grass_r18_mini']),
        ('mmss prepare folder --spl', ['--split-by']),
        ('mmss store ver', ['verify']),
        ('mmss store verify --w', ['--workers']),
        ('mmss label-noise grass_r18_m', ['grass_r18_mini']),
        ('mmss completion z', ['zsh']),
    ],
)
def test_bash_completes(script, line, found):
    words = line.split(' ')
    quoted = ' '.join(f"'{word}'" for word in words)
    program = (
        f'{script}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n_mmss\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    run = subprocess.run(['bash', '-c', program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == found
