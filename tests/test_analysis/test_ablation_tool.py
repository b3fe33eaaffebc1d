"""The ablation's command, made as small as it goes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip('rasterio', reason='the mini world is written with rasterio')
ROOT = Path(__file__).resolve().parents[2]
SIZES = [
    '--seeds', '0', '--modalities', 's2', '--jobs', '1', '--locations', '40', '--size', '32',
    '--labelled', '4', '--tested', '4', '--epochs', '1', '--finetune-epochs', '1',
]  # fmt: skip


def ablation(folder, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools/analysis/ablation.py'), '--out', 'study', *arguments],
        cwd=folder, env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip


def test_a_study_by_the_commands_that_users_type(tmp_path):
    done = ablation(tmp_path, *SIZES, '--arms', 'random', 'mid')
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    table = (tmp_path / 'study' / 'table.md').read_text()
    assert table in done.stdout
    assert '| CromSS, middle fusion |' in table
    assert (tmp_path / 'study' / 'figure.png').is_file()
    result = tmp_path / 'study' / 'seed0' / 'mid' / 's2_fine-tuned' / 'result.json'
    scores = json.loads(result.read_text())
    assert f'seed 0, mid: s2 fine-tuned: {scores["mIoU"]:.1f} % mIoU' in done.stdout
    before = result.stat().st_mtime_ns
    again = ablation(tmp_path, *SIZES, '--arms', 'random', 'mid')
    assert again.returncode == 0, again.stderr
    assert table in again.stdout
    assert result.stat().st_mtime_ns == before  # nothing was run again


def test_other_settings_are_refused(tmp_path):
    (tmp_path / 'study').mkdir()
    (tmp_path / 'study' / 'study.json').write_text('{"labelled": 8}')
    done = ablation(tmp_path, *SIZES)
    assert done.returncode == 1
    assert 'labelled is 8 there, 4 here' in done.stderr
    assert 'Traceback' not in done.stderr
