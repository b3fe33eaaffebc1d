"""Write the mechanical configs and the metafiles of ``configs/`` from the tables of this folder."""

import argparse
import sys
from pathlib import Path

from projects.configs import finetune, pretraining
from projects.configs.metafiles import metafile
from projects.configs.text import MARK

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FOLDERS = {'cromss': pretraining.cromss, 'grass': pretraining.grass, 'finetune': finetune.leaves}


def written_files(configs=CONFIGS):
    """All files that the tables make.

    Args:
        configs: The folder of configs, whose handwritten ones the metafiles list too.

    Returns:
        Text by path relative to the folder.

    Raises:
        ValueError: Where two rows of the tables make the same file.
    """
    files = {}
    for folder, leaves in FOLDERS.items():
        names = {path.stem for path in handwritten(configs / folder)}
        for name, text in leaves():
            if name in names:
                raise ValueError(
                    f'configs/{folder}/{name}.py is made by two rows of projects/configs, or is '
                    'handwritten too: keep one of them'
                )
            names.add(name)
            files[f'{folder}/{name}.py'] = text
        files[f'{folder}/metafile.yml'] = metafile(folder, names)
    return files


def handwritten(folder):
    """Paths of a folder's configs that no table makes."""
    return [path for path in folder.glob('*.py') if not is_written(path)]


def is_written(path):
    """Whether a config says that it is written from a table."""
    return path.read_text(encoding='utf-8').startswith(MARK)


def differences(configs=CONFIGS):
    """What `make configs` would change: {relative path: text, or None to remove the file}."""
    files = written_files(configs)
    found = {
        name: text
        for name, text in files.items()
        if not (configs / name).is_file() or (configs / name).read_text(encoding='utf-8') != text
    }
    for folder in FOLDERS:
        for path in (configs / folder).glob('*.py'):
            name = f'{folder}/{path.name}'
            if name not in files and is_written(path):
                found[name] = None
    return found


def main(argv=None, configs=CONFIGS):
    """Write or check the files; returns the exit status."""
    parser = argparse.ArgumentParser(prog='python -m projects.configs', description=__doc__)
    parser.add_argument(
        '--check', action='store_true', help='write nothing; exit with status 1 if files differ'
    )
    args = parser.parse_args(argv)
    found = differences(configs)
    for name, text in sorted(found.items()):
        action = 'remove' if text is None else 'write'
        print(f'{action} configs/{name}')
        if args.check:
            continue
        if text is None:
            (configs / name).unlink()
        else:
            (configs / name).write_text(text, encoding='utf-8')
    if args.check and found:
        print('The files above differ from the tables: run `make configs`.', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
