import builtins
import logging

import cv2
import numpy as np
import pytest
from helpers.noise_example import CLASSES, example

from mmss_plugins.evaluation.label_noise.figure import WRONG_COLOUR, _class_histograms, draw
from mmss_plugins.evaluation.label_noise.files import write_report
from mmss_plugins.evaluation.label_noise.report import LabelNoiseReport
from mmss_plugins.functional.label_noise import RIGHT, WRONG, LabelNoiseSums


def make_report(clean, branches=('s1', 's2')):
    sums = LabelNoiseSums(branches, len(CLASSES))
    sums.add(*example(clean=clean))
    return LabelNoiseReport.of(sums, CLASSES)


def pixels_of(figure, colour):
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return (np.abs(figure[..., ::-1].astype(int) - rgb).max(-1) < 3).sum()


@pytest.mark.parametrize('branches', [('s1', 's2'), ('s2',)])
@pytest.mark.parametrize('clean', [True, False])
def test_draws(tmp_path, clean, branches):
    draw(make_report(clean, branches), tmp_path / 'figure.png')
    figure = cv2.imread(str(tmp_path / 'figure.png'))
    assert figure.shape[1] > 1000
    assert (pixels_of(figure, WRONG_COLOUR) > 0) == clean
    assert pixels_of(figure, '#1f6f8b') > 1000


def test_each_class_has_a_histogram_of_its_own():
    from matplotlib.figure import Figure

    report = make_report(True)
    report.histogram[1] = 0
    report.histogram[1, WRONG, 2, 5] = report.histogram[1, RIGHT, 2, 7] = 6
    report.histogram[1, RIGHT, 2, 5] = 6
    axis = Figure().subplots()
    _class_histograms(axis, report, 1)
    (image,) = axis.get_images()
    expected = np.zeros((4, 20))
    expected[2, [5, 7]] = 1, 0.5
    np.testing.assert_array_equal(image.get_array(), expected)
    assert [text.get_text() for text in axis.get_yticklabels()] == list(CLASSES)
    assert 's2' in axis.get_title()


def test_files(tmp_path):
    files = write_report(make_report(True), tmp_path / 'new' / 'folder')
    assert [path.name for path in files] == ['report.md', 'report.json', 'report.png']
    assert all(path.stat().st_size for path in files)
    assert '](report.png)' in files[0].read_text()


def test_without_matplotlib_there_is_no_figure_and_a_hint(tmp_path, monkeypatch, caplog):
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith('matplotlib'):
            raise ImportError(f'No module named {name!r}')
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', refuse)
    with caplog.at_level(logging.WARNING):
        files = write_report(make_report(True), tmp_path)
    assert [path.name for path in files] == ['report.md', 'report.json']
    assert 'pip install matplotlib' in caplog.text
    assert 'report.png' not in files[0].read_text()


def test_a_report_of_others_is_not_replaced(tmp_path):
    write_report(make_report(True), tmp_path / 'ours')
    write_report(make_report(True), tmp_path / 'ours')
    (tmp_path / 'report.md').write_text('mine')
    with pytest.raises(FileExistsError, match=r'report\.md: this file is not one'):
        write_report(make_report(True), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {'ours', 'report.md'}
