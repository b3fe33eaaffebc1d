import csv
import io
import json

import numpy as np
import pytest

from mmss_plugins.analysis.spread import mean_and_std, spread
from mmss_plugins.analysis.table.plan import TableError
from mmss_plugins.analysis.table.report import (
    Line,
    comma_separated,
    markdown,
    read_line,
    write_report,
)
from mmss_plugins.analysis.table.row import COLUMNS

TEXTS = dict(
    zip(COLUMNS, ['DFC2020', 'all', 'S2 (13)', 'PSPNet R50', 'a|b', 'frozen'], strict=True)
)
VALUES = [61.25, 64.5, 59.125, 70.0]


def scores(value):
    return {'OA': value, 'AA': value - 10, 'mIoU': value - 20, 'mF1': value - 5}


LINES = [
    Line('psp_s2', TEXTS, {seed: scores(value) for seed, value in enumerate(VALUES)}),
    Line('one', {**TEXTS, 'weights': 'back\\slash, "quoted"\nline'}, {7: scores(50.0)}),
    Line('none', TEXTS, {}),
]


def test_deviation_is_of_a_sample():
    mean, std = mean_and_std(VALUES)
    assert mean == pytest.approx(np.mean(VALUES), rel=1e-12)
    assert std == pytest.approx(np.std(VALUES, ddof=1), rel=1e-12)
    assert mean_and_std([5.0]) == (5.0, None)
    assert spread([5.0], ' ± -') == '5.0 ± -'


def cells_of(text):
    """Cells of a Markdown table, read as its rules say: '\\|' and '\\\\' are characters."""
    rows = []
    for line in text.splitlines():
        cells, cell, characters = [], '', iter(line)
        for character in characters:
            if character == '\\':
                cell += next(characters)
            elif character == '|':
                cells.append(cell.strip())
                cell = ''
            else:
                cell += character
        rows.append(cells[1:])
    return rows


def test_markdown():
    head, rule, *rows = cells_of(markdown(LINES))
    assert head == [*COLUMNS, 'OA', 'AA', 'mIoU', 'mF1', 'n', 'config']
    assert len(rule) == len(head)
    spread_of_all = f'{np.std(VALUES, ddof=1):.1f}'
    means = [f'{np.mean(VALUES) - less:.1f} ± {spread_of_all}' for less in (0, 10, 20, 5)]
    assert rows[0] == [*TEXTS.values(), *means, '4', '`psp_s2`']
    assert rows[1][4] == 'back\\slash, "quoted" line'
    assert rows[1][6:] == ['50.0 ± -', '40.0 ± -', '30.0 ± -', '45.0 ± -', '1', '`one`']
    assert rows[2][6:] == ['-', '-', '-', '-', '0', '`none`']


def test_csv():
    rows = list(csv.DictReader(io.StringIO(comma_separated(LINES))))
    assert [row['config'] for row in rows] == ['psp_s2', 'one', 'none']
    assert {name: rows[0][name] for name in COLUMNS} == TEXTS
    assert float(rows[0]['mIoU']) == pytest.approx(np.mean(VALUES) - 20, abs=1e-4)
    assert float(rows[0]['mIoU std']) == pytest.approx(np.std(VALUES, ddof=1), abs=1e-4)
    assert rows[1]['weights'] == 'back\\slash, "quoted"\nline'
    assert (rows[1]['n'], rows[1]['OA'], rows[1]['OA std']) == ('1', '50.0000', '-')
    assert (rows[2]['n'], rows[2]['OA'], rows[2]['OA std']) == ('0', '-', '-')


def folder_of(tmp_path, digests):
    folder = tmp_path / 'psp'
    for seed, digest in digests.items():
        (folder / f'seed{seed}').mkdir(parents=True)
        content = {'digest': digest, 'scores': scores(10.0 * seed)}
        (folder / f'seed{seed}' / 'result.json').write_text(json.dumps(content))
    (folder / 'settings.json').write_text(json.dumps({'digest': 'a', 'columns': TEXTS}))
    return folder


def test_a_line_is_read_from_the_runs(tmp_path):
    folder = folder_of(tmp_path, {10: 'a', 9: 'a', 3: 'a'})
    assert read_line(folder).values('OA') == [30.0, 90.0, 100.0]  # seeds as numbers
    assert read_line(folder, [9, 3, 4]).values('OA') == [30.0, 90.0]
    text = write_report([read_line(folder)], tmp_path / 'out')
    assert write_report([read_line(folder)], tmp_path / 'out') == text
    assert (tmp_path / 'out' / 'table.md').read_text() == text
    assert (tmp_path / 'out' / 'table.csv').read_text().startswith('config,data set,')


def test_results_of_other_settings_are_not_averaged(tmp_path):
    folder = folder_of(tmp_path, {0: 'a', 1: 'b'})
    with pytest.raises(TableError, match=r'seed1/result\.json is of a run with other settings'):
        read_line(folder)


@pytest.mark.parametrize('name', ['table.md', 'table.csv'])
def test_a_table_of_others_is_not_replaced(tmp_path, name):
    (tmp_path / name).write_text('mine')
    with pytest.raises(FileExistsError, match=name):
        write_report([], tmp_path)
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == {name: 'mine'}
