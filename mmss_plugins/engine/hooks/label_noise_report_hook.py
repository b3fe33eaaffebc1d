"""Reports how pretraining treats the noisy labels."""

from __future__ import annotations

from pathlib import Path

from mmengine.dist import barrier, get_dist_info
from mmengine.hooks import Hook

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.datasets.sentinel_store_dataset import SentinelStoreDataset
from mmss_plugins.evaluation.label_noise.files import write_report
from mmss_plugins.evaluation.label_noise.report import ALL, LabelNoiseReport
from mmss_plugins.evaluation.label_noise.run import (
    SelectionOptions,
    count_label_noise,
    reduce_sums,
    report_dataset,
    selection_options,
    spread_indices,
)
from mmss_plugins.functional.label_noise import LabelNoiseSums
from mmss_plugins.registry import HOOKS

FOLDER = 'label_noise'


@HOOKS.register_module()
class LabelNoiseReportHook(Hook):
    """Writes the label-noise report of the training data into the work folder.

    At the end of training it goes to ``label_noise/report.{md,json,png}``, while training to
    ``label_noise/epoch_{n}/``. The samples are divided among the processes; they are read without
    augmentation, from the store of ``train_dataloader.dataset``, with its clean labels if it has
    them. Training is not changed by it: the model is put back into its mode, and no random state
    is used.

    Args:
        interval (int): Also report after every so many epochs; -1 for the end only (default).
        max_samples (int | None): At most so many samples, evenly spread; None for all. Defaults to
            500.
        season (int | str | None): 0..3 or 'random' in place of the data set's. Defaults to None.
        batch_size (int | None): Samples per process at a time, among which labels are selected;
            None for that of training (default).
    """

    priority = 'LOW'  # after the weights have reached their last state

    def __init__(
        self,
        interval: int = -1,
        max_samples: int | None = 500,
        season: int | str | None = None,
        batch_size: int | None = None,
    ) -> None:
        for name, value in (('max_samples', max_samples), ('batch_size', batch_size)):
            if value is not None and value < 1:
                raise ValueError(f'{name} must be 1 or more, or None, but got {value!r}')
        self.interval, self.max_samples = interval, max_samples
        self.season, self.batch_size = season, batch_size
        self._dataset: SentinelStoreDataset | None = None

    def before_train(self, runner) -> None:
        """Open the data, so that a mistake is an error now and not at the end.

        Raises:
            TypeError: If the config's training data set is not over a store of ours, or the model
                has no modalities.
        """
        loader = runner.cfg.get('train_dataloader')
        if not isinstance(loader, dict) or not isinstance(loader.get('dataset'), dict):
            raise TypeError(
                'LabelNoiseReportHook reads train_dataloader.dataset of the config, but the config '
                'has none: take the hook out of custom_hooks'
            )
        model = unwrapped(runner.model)
        if not hasattr(model, 'backbones'):
            raise TypeError(
                'LabelNoiseReportHook needs a model with one backbone per modality, as '
                f'CrossModalSegmentor, but got {type(model).__name__}: take the hook out of '
                'custom_hooks'
            )
        self._dataset = report_dataset(loader['dataset'], self.season)
        self.batch_size = self.batch_size or loader['batch_size']

    def after_train_epoch(self, runner) -> None:
        """Report while training."""
        if self.every_n_epochs(runner, self.interval):
            self._report(runner, Path(runner.work_dir) / FOLDER / f'epoch_{runner.epoch + 1}')

    def after_train(self, runner) -> None:
        """Report at the end."""
        self._report(runner, Path(runner.work_dir) / FOLDER)

    def _report(self, runner, folder: Path) -> None:
        model, dataset = unwrapped(runner.model), self._dataset
        assert dataset is not None  # before_train has set both
        assert self.batch_size is not None
        options = selection_options(model, runner.cfg)
        rank, world = get_dist_info()
        indices = spread_indices(len(dataset), self.max_samples)[rank::world]
        sums = reduce_sums(count_label_noise(model, dataset, indices, options, self.batch_size))
        try:
            if rank == 0:
                self._write(runner, folder, sums, dataset, options)
        finally:
            barrier()  # no process ends or continues while another writes files

    def _write(
        self,
        runner,
        folder: Path,
        sums: LabelNoiseSums,
        dataset: SentinelStoreDataset,
        options: SelectionOptions,
    ) -> None:
        settings = {
            'store': str(dataset.store.path),
            'season': dataset.season,
            'epoch': runner.epoch,
            'iteration': runner.iter,
            'proportion': options.proportion,
            'class balance': options.class_balance,
            'batch size': self.batch_size,
        }
        report = LabelNoiseReport.of(sums, dataset.metainfo['classes'], settings)
        files = write_report(report, folder)
        shown = ', '.join(
            f'{name} {weight:.3f}'
            for name, weight in zip(report.branches, report.selected[:, -1], strict=True)
        )
        auc = ''
        if report.confidence_auc is not None:
            aucs = zip(report.branches, report.confidence_auc[:, -1], strict=True)
            auc = '; AUC of right against wrong labels: ' + ', '.join(
                f'{name} {value:.3f}' for name, value in aucs
            )
        runner.logger.info(f'label noise ({ALL} classes): mean label weight {shown}{auc}')
        runner.logger.info(f'label noise report: {", ".join(map(str, files))}')
