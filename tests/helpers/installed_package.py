"""Builds the package as pip does, and runs Python as where it is installed."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from helpers.paths import ROOT

MIM = 'mmss_plugins/.mim'
CONFIG = 'cromss_mid_r18_13b_mini'

HOOK = """
import site, sys
before = list(sys.path)
site.addsitedir({site!r})
sys.path[:] = [path for path in sys.path if path not in before] + before
"""


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


def installed(wheel, folder):
    """Lay a wheel out as an installation does; returns the folder that stands for site-packages."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def python(site, *arguments, cwd):
    """Run Python elsewhere with a folder as an additional site-packages (.pth files included)."""
    start = HOOK.format(site=str(site))
    hook = Path(cwd) / 'hook'
    hook.mkdir(exist_ok=True)
    (hook / 'sitecustomize.py').write_text(start)
    env = {**os.environ, 'PYTHONPATH': str(hook)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=300
    )
