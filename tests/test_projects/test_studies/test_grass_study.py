import json
from types import SimpleNamespace

import pytest
from helpers.paths import ROOT

from mmss_plugins.analysis.jobs.commands import ProjectPaths
from projects.pipeline.aerial import AerialRun
from projects.studies import grass, grass_study
from projects.studies.crop_purity import CropPurity
from projects.studies.execution import run_study
from projects.studies.grass_study import GrassStudy, crops_table
from projects.studies.study import Task


@pytest.fixture
def calls(monkeypatch):
    """Stands in for the commands: records what would be run."""
    recorded = []

    def prepare(run, runner):
        run.data_root.mkdir(parents=True, exist_ok=True)
        recorded.append(('data', run.seed))

    def pretrain(run, runner, options, resume):
        assert resume  # an interrupted pretraining continues from its checkpoint
        recorded.append(('pretrain', run.seed, run.config))
        point(run.pretrain_dir, run.config)

    def finetune(run, runner, name, encoder, options):
        known, folder = encoder and encoder.name, run.run_dir(name)
        recorded.append(('finetune', run.seed, folder.name, run.labelled, known, tuple(options)))
        if name == 'supervised':
            recorded.append(('epochs', run.finetune_epochs))
            point(folder, 'supervised')
        folder = folder / 'run' / 'vis_data'
        folder.mkdir(parents=True)
        scores = {'aAcc': 60, 'mAcc': 50, 'mIoU': 30 + run.seed, 'mDice': 40, 'step': 20}
        (folder / 'scalars.json').write_text(json.dumps(scores))

    def measure_crops(config, checkpoint, store, seed):
        recorded.append(('crops', checkpoint.name, store.name, seed))
        value = 0.8 if checkpoint.name == 'grass_r18_mini.pth' else 0.6
        return CropPurity(value, 0.5 + seed / 10, 0.4, 0.3, 12)

    def point(folder, name):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / 'last_checkpoint').write_text(f'{name}.pth')

    for stand_in in (prepare, pretrain, finetune):
        monkeypatch.setattr(AerialRun, stand_in.__name__, stand_in)
    monkeypatch.setattr(grass_study, 'measure_crops', measure_crops)
    return recorded


def study(tmp_path, **options):
    out = tmp_path / 'study'
    return GrassStudy(
        out, (0, 1), ('random', 'simclr', 'grass', 'supervised'),
        AerialRun(ProjectPaths(ROOT), out), (4, 16), supervised_epochs=7, **options,
    )  # fmt: skip


def test_every_encoder_is_used_with_every_budget(tmp_path, calls):
    whole = study(tmp_path)
    run_study(whole, 1, lambda line: None)
    assert [c for c in calls if c[0] == 'pretrain'] == [
        ('pretrain', seed, f'{variant}_r18_mini')
        for seed in (0, 1)
        for variant in ('simclr', 'grass')
    ]
    assert [c for c in calls if c[0] == 'crops'] == [
        ('crops', f'{variant}_r18_mini.pth', 'test.lmdb', seed)
        for seed in (0, 1)
        for variant in ('simclr', 'grass')
    ]
    frozen = ('model.backbone.frozen_stages=4', 'model.backbone.norm_eval=True')
    assert ('finetune', 0, '4_frozen', 4, 'grass_r18_mini.pth', frozen) in calls
    assert ('finetune', 1, '16_fine-tuned', 16, None, ()) in calls
    assert ('finetune', 1, '16_fine-tuned', 16, 'supervised.pth', ()) in calls
    everything = ('train_dataloader.dataset.subset=None',)
    assert ('finetune', 0, 'supervised', 4, None, everything) in calls
    assert ('epochs', 7) in calls
    results = whole.results()
    assert len(results) == 2 * 4 * 4
    assert results[Task(1, 'grass', '16 frozen')]['mIoU'] == 31
    calls.clear()
    run_study(whole, 1, lambda line: None)
    assert calls == []


def test_the_crops_are_compared_seed_by_seed(tmp_path, calls):
    whole = study(tmp_path)
    run_study(whole, 1, lambda line: None)
    rows = [line.split('|')[1:-1] for line in crops_table(whole).splitlines()]
    cells = [[cell.strip() for cell in row] for row in rows]
    # guided 80 both times; random crops 50 and 60
    assert cells[3] == [
        'GraSS', '80.0 ± 0.0', '55.0 ± 7.1', '+25.0 ± 7.1 (2/2)', '40.0 ± 0.0', '30.0 ± 0.0'
    ]  # fmt: skip
    assert cells[2][3] == '+5.0 ± 7.1 (1/2)'


def test_the_figure_has_a_row_per_use(tmp_path):
    layout = study(tmp_path).layout()
    assert layout.panels == [
        {'4 frozen': '4 patches, frozen', '16 frozen': '16 patches, frozen'},
        {'4 fine-tuned': '4 patches, fine-tuned', '16 fine-tuned': '16 patches, fine-tuned'},
    ]
    assert layout.baseline == 'simclr'
    assert SimpleNamespace(**layout.variants).grass == 'GraSS'


def test_a_study_that_cannot_be_written_is_reported(tmp_path, calls, capsys):
    (tmp_path / 'study').touch()
    assert grass.main(['--out', str(tmp_path / 'study'), '--seeds', '0']) == 1
    assert "grass.py: error: [Errno 17] File exists: '" in capsys.readouterr().err
    with pytest.raises(SystemExit, match='2'):
        grass.main(['--out', str(tmp_path / 'new'), '--budgets', '4', '0'])
    assert 'argument --budgets: must be 1 or more, but got 0' in capsys.readouterr().err
    assert calls == []
