"""Options of the test tool that need something of the config."""

import pytest

from mmss_plugins.apis import testing
from mmss_plugins.cli.usage import UsageError

CONFIG = 'pspnet_r18_mini_dfc2020-s2'


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/test.py'])
    return testing


@pytest.fixture
def checkpoint(tmp_path):
    (tmp_path / 'some.pth').touch()
    return str(tmp_path / 'some.pth')


def test_out_goes_to_the_metric_that_writes_maps(tool, checkpoint):
    cfg = tool.prepare(tool.parse_args([CONFIG, checkpoint, '--out', 'maps']))
    assert cfg.test_evaluator.output_dir == 'maps'


def test_out_without_such_a_metric_is_an_error(tool, checkpoint, capsys):
    options = ['--cfg-options', 'test_evaluator.type=mmss_plugins.ValidationLoss']
    arguments = [CONFIG, checkpoint, '--out', 'maps', *options]
    with pytest.raises(UsageError, match=r'--out needs an IoUMetric .* mmss_plugins.Validation'):
        tool.prepare(tool.parse_args(arguments))
    with pytest.raises(SystemExit, match='2'):
        tool.main(arguments)
    assert capsys.readouterr().err.startswith('test.py: error: --out needs an IoUMetric')


def test_pretraining_without_labels_cannot_be_tested(tool, checkpoint):
    for options in ((), ('--out', 'maps')):
        with pytest.raises(UsageError, match="'grass_r18_mini' has no test_dataloader and no test"):
            tool.prepare(tool.parse_args(['grass_r18_mini', checkpoint, *options]))


def test_augmented_views(tool, checkpoint):
    plain = tool.prepare(tool.parse_args([CONFIG, checkpoint]))
    cfg = tool.prepare(tool.parse_args([CONFIG, checkpoint, '--tta']))
    assert (cfg.model.type, cfg.model.module) == ('SegTTAModel', plain.model)
    (step,) = cfg.test_dataloader.dataset.pipeline
    assert step.transforms[-1] == plain.test_dataloader.dataset.pipeline[-1:]
    args = tool.parse_args([CONFIG, checkpoint, '--tta', '--cfg-options', 'tta_pipeline=None'])
    with pytest.raises(UsageError, match='--tta needs tta_pipeline in the config'):
        tool.prepare(args)


def test_images_of_no_batch(tool, checkpoint, capsys):
    with pytest.raises(SystemExit, match='2'):
        tool.parse_args([CONFIG, checkpoint, '--interval', '0'])
    assert '--interval must be 1 or more, but got 0' in capsys.readouterr().err


@pytest.mark.parametrize('option', ['--work-dir', '--out', '--show-dir'])
def test_results_that_have_no_place(tool, checkpoint, option, capsys):
    arguments = [CONFIG, checkpoint, '--work-dir', f'{checkpoint}.work', option, checkpoint]
    with pytest.raises(SystemExit, match='2'):
        tool.main(arguments)
    error = capsys.readouterr().err
    assert error.startswith(f'test.py: error: {option} ')
    assert 'cannot make this folder' in error
