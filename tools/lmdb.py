"""Look at, check, cut, join and convert LMDB stores: see --help.

This file shares its name with the library that stores need. Python puts a script's own folder first
in its path, so scripts beside this one that import the library find this file: it then gives way.
"""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def library_path() -> list:
    """The search path without this folder."""
    return [entry for entry in sys.path if Path(entry or '.').resolve() != HERE]


if __name__ in ('__main__', '__mp_main__'):
    sys.path = library_path()
elif __name__ == 'lmdb':
    spec = importlib.machinery.PathFinder.find_spec('lmdb', library_path())
    if spec is None:
        raise ModuleNotFoundError("No module named 'lmdb': pip install lmdb", name='lmdb')
    sys.modules['lmdb'] = library = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(library)

if __name__ == '__main__':
    import mmss_plugins  # noqa: F401  (makes the installed stack usable)
    from mmss_plugins.store.tools.cli import main

    sys.exit(main())
