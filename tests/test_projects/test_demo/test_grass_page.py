import json
import re

import cv2
import numpy as np
import pytest
from helpers.store_factory import write_aerial_store

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from mmss_plugins.datasets import PotsdamDataset
from mmss_plugins.store.reader import ReadRequest, StoreReader
from projects.demo.grass_page import AerialScore, gather_scores, headline, text_table
from projects.demo.markup import table_of
from projects.pipeline.aerial import AerialRun

NAMES = ('2_10-0', '2_11-0')


def scores(random, pretrained):
    values = {'random': random, 'GraSS': pretrained}
    return {
        start: AerialScore({'OA': 70.0, 'AA': 45.0, 'mIoU': value, 'mF1': 44.0}, np.zeros(6))
        for start, value in values.items()
    }


def test_headline_gives_gain_and_loss():
    text = headline(scores(30.0, 41.5))
    assert '30.0 % mIoU from random weights' in text
    assert '<b>41.5 %</b>' in text
    assert '+11.5 points' in text
    assert '-11.5 points' in headline(scores(41.5, 30.0))


def test_both_tables_have_a_row_per_start():
    found = scores(30.0, 41.5)
    lines = text_table(found).splitlines()
    assert lines[2].split() == ['aerial', 'GraSS', '70.0', '45.0', '41.5', '44.0']
    assert len({len(line) for line in lines}) == 1
    rows = table_of({start: score.metrics for start, score in found.items()}, 'Encoder')
    best = re.findall(r'<td class="best">([\d.]+)</td>', rows)
    assert (best.count('41.5'), best.count('30.0')) == (1, 0)
    assert '<td>GraSS</td>' in rows
    assert '<th>mIoU (%)</th>' in rows


@pytest.fixture
def run(tmp_path):
    """A finished run: GraSS's maps are right, those from random weights are class 0."""
    run = AerialRun(ProjectPaths(tmp_path), tmp_path)
    store = write_aerial_store(run.store('test'), PotsdamDataset, NAMES)
    reader = StoreReader(store)
    for start, iou in (('random', 5.0), ('GraSS', 100.0)):
        run.predictions(start).mkdir()
        for name in NAMES:
            label = reader.read(name, [ReadRequest('label')])[0]
            drawn = np.where(label == 255, 0, label) if start == 'GraSS' else 0 * label
            cv2.imwrite(str(run.predictions(start) / f'{name}.png'), drawn)
        folder = run.test_dir(start) / 'run'
        folder.mkdir(parents=True)
        metrics = {'aAcc': 1, 'mAcc': 2, 'mIoU': iou, 'mDice': 3}
        (folder / 'run.json').write_text(json.dumps(metrics))
    return run


def test_scores_are_those_of_the_start(run):
    found = gather_scores(run)
    assert found['GraSS'].metrics == {'OA': 1, 'AA': 2, 'mIoU': 100, 'mF1': 3}
    assert found['random'].metrics['mIoU'] == 5
    np.testing.assert_array_equal(found['GraSS'].class_iou, np.ones(6))
    labels = [StoreReader(run.store('test')).read(n, [ReadRequest('label')])[0] for n in NAMES]
    zeros = sum((label == 0).sum() for label in labels)
    labelled = sum((label != 255).sum() for label in labels)
    np.testing.assert_allclose(found['random'].class_iou, [zeros / labelled, 0, 0, 0, 0, 0])
