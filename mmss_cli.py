"""The command ``mmss``: trains, tests, predicts, prepares data, and more.

It stands beside the package because importing the package loads PyTorch, which takes seconds; the
help and the completion script's listings must not wait for that.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import re
import runpy
import sys
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """A command: what does it, as 'module:function', and what it does."""

    target: str
    help: str


COMMANDS: dict[str, Command | dict[str, Command]] = {
    'train': Command('mmss_plugins.apis.training:main', 'pretrain or fine-tune with a config'),
    'test': Command('mmss_plugins.apis.testing:main', 'test a checkpoint'),
    'predict': Command('mmss_plugins.apis.prediction.cli:main', 'class maps of scenes'),
    'prepare': {
        'noldo-pretrain': Command(
            'mmss_plugins.prepare.noldo_pretrain:main', 'NoLDO-S12 pretraining set'
        ),
        'noldo-downstream': Command(
            'mmss_plugins.prepare.noldo_downstream:main', 'DW and OSM sets of NoLDO-S12'
        ),
        'dfc2020': Command('mmss_plugins.prepare.dfc2020:main', 'DFC2020'),
        'potsdam': Command('mmss_plugins.prepare.potsdam:main', 'ISPRS Potsdam'),
        'loveda': Command('mmss_plugins.prepare.loveda:main', 'LoveDA'),
        'area': Command(
            'mmss_plugins.prepare.area.cli:main', 'an area on the map, from STAC catalogues'
        ),
        'folder': Command('mmss_plugins.prepare.folder:main', 'a folder of images without labels'),
        'scenes': Command('mmss_plugins.prepare.scenes:main', 'your own scenes with labels'),
    },
    'download': {
        'noldo': Command(
            'mmss_plugins.download.noldo:main', 'NoLDO-S12, SSL4EO-S12, CromSS checkpoints'
        ),
    },
    'store': Command('mmss_plugins.store.tools.cli:main', 'inspect and edit LMDB stores'),
    'convert': {
        'cromss': Command('mmss_plugins.checkpoints.convert.cromss_cli:main', 'CromSS checkpoints'),
        'grass': Command('mmss_plugins.checkpoints.convert.grass_cli:main', 'GraSS (VISSL)'),
        'ssl4eo': Command(
            'mmss_plugins.checkpoints.convert.encoder_cli:ssl4eo', 'MoCo, DINO, DeCUR of SSL4EO-S12'
        ),
        'satmae': Command('mmss_plugins.checkpoints.convert.encoder_cli:satmae', 'SatMAE'),
        'dofa': Command('mmss_plugins.checkpoints.convert.encoder_cli:dofa', 'DOFA'),
        'satlas': Command('mmss_plugins.checkpoints.convert.encoder_cli:satlas', 'SatlasPretrain'),
    },
    'table': Command('mmss_plugins.analysis.table.cli:main', 'fine-tune configs over seeds'),
    'label-noise': Command(
        'mmss_plugins.analysis.label_noise:main', 'measure label noise with a pretrained model'
    ),
    'demo': Command('projects.demo.__main__:main', 'all steps on synthetic data, in a checkout'),
    'completion': Command('mmss_cli:completion', 'completion script for bash or zsh'),
}
GROUPS = {
    'prepare': 'make LMDB stores of data sets',
    'download': 'download data sets',
    'convert': 'convert published checkpoints',
}
WITH_CONFIGS = ('train', 'test', 'predict', 'table', 'label-noise')
EXAMPLES = """examples:
  mmss prepare dfc2020 data/DFC2020 data/dfc2020
  mmss train pspnet_r50_50e_dfc2020-s2 --work-dir work_dirs/psp
  mmss test pspnet_r50_50e_dfc2020-s2 work_dirs/psp/epoch_50.pth --out maps
  mmss predict pspnet_r50_50e_dfc2020-s2 work_dirs/psp/epoch_50.pth scene.tif --out maps
  mmss COMMAND --help
"""
GROUP_EXAMPLES = {
    'prepare': """examples:
  mmss prepare dfc2020 data/DFC2020 data/dfc2020
  mmss prepare scenes data/mine --s2 scenes --labels masks --classes classes.yml --val 0.1
""",
    'download': """examples:
  mmss download noldo dw osm --out data/NoLDO-S12 --dry-run
  mmss download noldo dw osm --out data/NoLDO-S12 --unpack
""",
    'convert': """examples:
  mmss convert cromss cromss-13b-mid cromss_mid_13b.pth
  mmss convert grass model_final_checkpoint.torch grass_r50.pth
""",
}


def main(argv: Sequence[str] | None = None) -> int | None:
    """Run the command that the arguments name; returns its exit status.

    Args:
        argv: Arguments, those of the process by default.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    table, path = COMMANDS, ['mmss']
    while True:
        word = words.pop(0) if words else ''
        if word in ('-h', '--help') or not word:
            print(_help(table, path), file=sys.stdout if word else sys.stderr)
            return 0 if word else 2
        if word == '--version' and table is COMMANDS:
            print(f'mmss_plugins {_version()}')
            return 0
        if word not in table:
            near = get_close_matches(word, table, n=1)
            hint = f'did you mean {near[0]}?' if near else f'choose from {", ".join(table)}'
            print(f'{" ".join(path)}: error: unknown command {word!r}: {hint}', file=sys.stderr)
            return 2
        entry, path = table[word], [*path, word]
        if isinstance(entry, Command):
            break
        table = entry
    sys.argv = [' '.join(path), *words]  # argparse and error messages name the program by it
    return load(entry)(words)


def load(command: Command) -> Callable[[Sequence[str]], int | None]:
    """The function that does a command.

    Raises:
        SystemExit: If it needs a checkout and there is none, or the MM packages are missing.
    """
    name, _, function = command.target.partition(':')
    try:
        if name.startswith('mmss_plugins'):
            importlib.import_module('mmss_plugins')  # first: it makes the MM stack usable
        return getattr(importlib.import_module(name), function)
    except ModuleNotFoundError as error:
        if (error.name or '').partition('.')[0] != 'projects':
            raise
        sys.exit(
            'mmss demo: error: the demonstration is not in the installed package: get a checkout '
            'of the project and run "make demo" there'
        )
    except ImportError as error:
        if error.name is not None:  # of a module; without a name it is our own message
            raise
        sys.exit(f'mmss: error: {error}')


def _version() -> str:
    """The version of the code, also of a checkout that is not installed; it is not imported."""
    spec = importlib.util.find_spec('mmss_plugins')
    return runpy.run_path(str(Path(spec.origin).with_name('version.py')))['__version__']


def _help(table: dict, path: Sequence[str]) -> str:
    rows = [
        (name, entry.help if isinstance(entry, Command) else GROUPS[name])
        for name, entry in table.items()
    ]
    width = max(len(name) for name, _ in rows) + 2
    lines = '\n'.join(f'  {name:{width}}{text}' for name, text in rows)
    usage = f'usage: {" ".join(path)} COMMAND ...\n\ncommands:\n{lines}\n'
    return f'{usage}\n{EXAMPLES if table is COMMANDS else GROUP_EXAMPLES[path[-1]]}'.rstrip()


_SCRIPT = """\
# Completion of mmss for bash, and for zsh after: autoload -U bashcompinit && bashcompinit
_mmss() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words=''
    case "$COMP_CWORD:${{COMP_WORDS[1]}}:${{COMP_WORDS[2]}}" in
        1:*) words='{commands}' ;;
{cases}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _mmss mmss
"""


def completion(argv: Sequence[str]) -> int:
    """Print a completion script, which takes seconds: it asks every command for its options."""
    if list(argv) not in (['bash'], ['zsh']):
        help_wanted = bool(argv) and argv[0] in ('-h', '--help')
        print(
            'usage: mmss completion {bash,zsh}\n\nThis takes seconds: write the script to a file '
            'once, and source that file in ~/.bashrc or ~/.zshrc:\n'
            '  mmss completion bash > ~/.mmss_completion',
            file=sys.stdout if help_wanted else sys.stderr,
        )
        return 0 if help_wanted else 2
    if list(argv) == ['zsh']:
        print('autoload -U bashcompinit && bashcompinit')
    configs = ' '.join(sorted(_config_names()))
    cases = []
    for name, entry in COMMANDS.items():
        if name == 'completion':
            cases.append(f"        2:{name}:*) words='bash zsh' ;;")
        elif isinstance(entry, Command) and name != 'store':
            names = f' {configs}' if name in WITH_CONFIGS else ''
            cases.append(f"        *:{name}:*) words='{options_of(name)}{names}' ;;")
        else:
            inside = _store_commands() if name == 'store' else list(entry)
            cases.append(f"        2:{name}:*) words='{' '.join(inside)}' ;;")
            cases += [
                f"        *:{name}:{inner}) words='{options_of(name, inner)}' ;;"
                for inner in inside
            ]
    print(_SCRIPT.format(commands=' '.join(COMMANDS), cases='\n'.join(cases)), end='')
    return 0


def options_of(*path: str) -> str:
    """The options that a command's help lists."""
    words = re.findall(r'^  (?:-\w, )?(--[\w-]+)', _help_of(*path), re.MULTILINE)
    return ' '.join(dict.fromkeys(words))


def _store_commands() -> list[str]:
    return re.findall(r'^    (\w+) ', _help_of('store'), re.MULTILINE)


def _help_of(*path: str) -> str:
    text, kept = io.StringIO(), sys.argv
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        main([*path, '--help'])
    sys.argv = kept
    return text.getvalue()


def _config_names() -> list[str]:
    configs = importlib.import_module('mmss_plugins.cli.config_files').packaged_configs()
    files = [file.relative_to(configs) for file in Path(configs).rglob('*.py')]
    return [file.stem for file in files if '_base_' not in file.parts]


if __name__ == '__main__':
    sys.exit(main())
