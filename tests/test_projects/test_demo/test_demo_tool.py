"""The demo itself, as small as possible."""

import os
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from helpers.paths import ROOT
from helpers.warm_python import warm_python

pytest.importorskip('rasterio', reason='the synthetic data set is written with rasterio')


def demo(folder, *arguments, python=sys.executable):
    return subprocess.run(
        [python, str(ROOT / 'projects/demo/__main__.py'), *arguments],
        cwd=folder, env={**os.environ, 'PYTHONPATH': str(ROOT)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip


class Sources(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources = []

    def handle_starttag(self, tag, attrs):
        self.sources += [value for name, value in attrs if name in ('src', 'href')]


def test_the_pipeline_ends_in_a_page(tmp_path):
    done = demo(
        tmp_path, '--locations', '40', '--labelled', '8', '--tested', '4', '--size', '64',
        '--epochs', '1', '--finetune-epochs', '1', '--modalities', 's2', '--workers', '1',
        '--tiles', '6', '--test-tiles', '2', '--tile-size', '256', '--patch', '64',
        '--aerial-epochs', '2', python=warm_python(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for step in (
        'generate the synthetic data set',
        'pretrain on noisy labels',
        'test S2 (fine-tuned)',
        'pretrain without labels',
        'test on aerial images (GraSS)',
    ):
        assert f'== {step}' in done.stdout
    assert 'backbone: 120 of 120 tensors loaded' in done.stdout
    rows = re.findall(r'^Sentinel-2 +(\S+)((?: +[\d.]+){4})$', done.stdout, re.MULTILINE)
    assert [start for start, _ in rows] == ['random', 'fine-tuned']
    assert re.findall(r'^aerial +(\S+)(?: +[\d.]+){4}$', done.stdout, re.MULTILINE) == [
        'random',
        'GraSS',
    ]
    page = (tmp_path / 'demo_output' / 'index.html').read_text()
    assert '$' not in re.sub(r'base64,[^"]*', '', page)
    parser = Sources()
    parser.feed(page)
    # CromSS: 4 pretraining rows of 4 images, 4 test rows of 5, the selection panel, 3 figures.
    # GraSS: 2 panels, 5 test rows of 4, 3 figures. All in the file itself.
    assert len(parser.sources) == 4 * 4 + 4 * 5 + 1 + 3 + 2 + 5 * 4 + 3
    assert all(source.startswith('data:image/png;base64,') for source in parser.sources)


def test_a_failing_step_is_named(tmp_path):
    done = demo(tmp_path, '--locations', '-1')
    assert done.returncode == 1
    assert "DEMO FAILED: step 'generate the synthetic data set' failed" in done.stderr
    assert 'Whole output: ' in done.stderr


def test_random_weights_are_always_included(capsys):
    parse = runpy.run_path(str(ROOT / 'projects/demo/__main__.py'))['parse_args']
    assert parse(['--starts', 'frozen']).starts == ['random', 'frozen']
    assert parse([]).starts == ['random', 'fine-tuned']
    with pytest.raises(SystemExit):
        parse(['--starts', 'random'])
    assert 'expected frozen or fine-tuned' in capsys.readouterr().err
