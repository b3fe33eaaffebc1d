import re

import numpy as np
import pytest

from projects.demo.cromss_page import headline, score_table, text_table
from projects.demo.gather import CLASSES, Score, most_varied


@pytest.fixture
def scores():
    values = {'random': 30.0, 'frozen': 41.5, 'fine-tuned': 40.25}
    return [
        Score('s2', start, {'OA': 50.0, 'AA': 45.0, 'mIoU': value, 'mF1': 44.0}, np.zeros(8))
        for start, value in values.items()
    ]


def test_headline_gives_the_gain_of_the_better_start(scores):
    text = headline(scores)
    assert '30.0 % mIoU from random weights' in text
    assert '41.5 %' in text
    assert '(frozen), +11.5 points' in text


def test_a_loss_is_reported_as_such(scores):
    worse = [Score('s1', s.start, {**s.metrics, 'mIoU': 60 - s.metrics['mIoU']}, s.class_iou)
             for s in scores]  # fmt: skip
    assert '-10.2 points' in headline(worse)


def test_table_marks_the_best_of_each_column(scores):
    best = re.findall(r'<td class="best">([\d.]+)</td>', score_table(scores))
    assert best.count('41.5') == 1
    assert '30.0' not in best
    assert len(re.findall('<tr>', score_table(scores))) == 4


def test_text_table_lines_up(scores):
    lines = text_table(scores).splitlines()
    assert len(lines) == 4
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split() == ['Sentinel-2', 'frozen', '50.0', '45.0', '41.5', '44.0']


def test_most_varied_prefers_mixed_labels():
    labels = {
        'flat': np.zeros((4, 4), np.uint8),
        'mixed': np.arange(16, dtype=np.uint8).reshape(4, 4),
        'halves': np.repeat([0, 1], 8).reshape(4, 4).astype(np.uint8),
    }
    assert most_varied(labels, 2) == ['mixed', 'halves']


def test_classes_are_those_of_the_data_set():
    assert len(CLASSES) == 8
