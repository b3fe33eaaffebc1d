"""The demonstration itself, made as small as it goes."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip('rasterio', reason='the mini world is written with rasterio')
ROOT = Path(__file__).resolve().parents[2]


def demo(folder, *arguments):
    return subprocess.run(
        [sys.executable, str(ROOT / 'tools/demo.py'), *arguments],
        cwd=folder, env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip


class Sources(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ('src', 'href')]


def test_the_road_ends_in_a_page(tmp_path):
    done = demo(
        tmp_path, '--locations', '40', '--labelled', '8', '--tested', '4', '--size', '64',
        '--epochs', '1', '--finetune-epochs', '1', '--modalities', 's2', '--workers', '1',
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for step in ('make the mini world', 'pretrain on noisy labels', 'test S2 (fine-tuned)'):
        assert f'== {step}' in done.stdout
    assert 'backbone: 120 of 120 tensors loaded' in done.stdout
    rows = re.findall(r'^Sentinel-2 +(\S+)((?: +[\d.]+){4})$', done.stdout, re.MULTILINE)
    assert [start for start, _ in rows] == ['random', 'frozen', 'fine-tuned']
    page = (tmp_path / 'demo_output' / 'index.html').read_text()
    assert '$' not in re.sub(r'base64,[^"]*', '', page)
    parser = Sources()
    parser.feed(page)
    # 4 pretraining rows of 4 pictures, 4 test rows of 6, the selection panel and 3 figures: all in
    # the file itself
    assert len(parser.sources) == 4 * 4 + 4 * 6 + 1 + 3
    assert all(source.startswith('data:image/png;base64,') for source in parser.sources)


def test_a_failing_step_is_named(tmp_path):
    done = demo(tmp_path, '--locations', '-1')
    assert done.returncode == 1
    assert "DEMO FAILED: step 'make the mini world' failed" in done.stderr
    assert 'Whole output: ' in done.stderr
