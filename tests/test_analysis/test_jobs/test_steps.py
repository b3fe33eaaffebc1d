import re
import sys

import pytest

from mmss_plugins.analysis.jobs.steps import RUN_LINES, StepError, StepRunner


def script(tmp_path, text):
    path = tmp_path / 'step.py'
    path.write_text(text)
    return [str(path)]


def test_output_is_shown_and_kept(tmp_path, capsys):
    runner = StepRunner(tmp_path / 'logs')
    runner.run('make things', script(tmp_path, "print('first'); print('second')"))
    shown = capsys.readouterr().out
    assert 'make things' in shown
    assert 'second' in shown
    assert (tmp_path / 'logs' / '01_make-things.log').read_text() == 'first\nsecond\n'
    assert runner.records[0].name == 'make things'
    assert runner.records[0].seconds > 0


def test_failure_names_the_step_and_its_last_lines(tmp_path):
    runner = StepRunner(tmp_path / 'logs', echo=False)
    lines = "import sys\nfor i in range(99): print('line', i)\nsys.exit('disk full')"
    with pytest.raises(StepError, match=r"step 'write it' failed with exit code 1") as caught:
        runner.run('write it', script(tmp_path, lines))
    message = str(caught.value)
    assert 'disk full' in message
    assert 'line 98' in message
    assert 'line 3\n' not in message
    assert '01_write-it.log' in message
    assert runner.records == []


def test_only_matching_lines_are_shown(tmp_path, capsys):
    text = "print('noise'); print('x - mmengine - INFO - Epoch(val) [3][1/1]  mIoU: 50.0')"
    StepRunner(tmp_path).run('train', script(tmp_path, text), RUN_LINES)
    shown = capsys.readouterr().out
    assert 'Epoch(val) [3][1/1]  mIoU: 50.0' in shown
    assert 'noise' not in shown


@pytest.mark.parametrize(
    ('line', 'shown'),
    [
        ('a - INFO - backbone: 320 of 320 tensors loaded from x.pth', '320 of 320 tensors loaded'),
        ('ValueError: bad', 'ValueError: bad'),
    ],
)
def test_what_counts_as_progress(line, shown):
    assert shown in re.search(RUN_LINES, line).group(0)


def test_steps_run_with_this_interpreter(tmp_path):
    StepRunner(tmp_path).run('which', script(tmp_path, 'import sys; print(sys.executable)'))
    assert (tmp_path / '01_which.log').read_text().strip() == sys.executable


def test_work_in_this_process_is_a_step_too(tmp_path, capsys):
    runner = StepRunner(tmp_path)
    assert runner.call('add up', lambda: 1 + 2) == 3
    assert '== add up' in capsys.readouterr().out
    assert [record.name for record in runner.records] == ['add up']
    with pytest.raises(StepError, match=r"step 'divide' failed: ZeroDivisionError"):
        runner.call('divide', lambda: 1 / 0)


def test_logs_keep_letters_of_either_case(tmp_path):
    StepRunner(tmp_path).run('test S2 (random)', script(tmp_path, ''))
    assert (tmp_path / '01_test-s2-random-.log').is_file()
