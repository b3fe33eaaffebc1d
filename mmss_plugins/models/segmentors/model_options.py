"""Checks the options of the cross-modal segmentor before anything is built."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mmss_plugins.utils.model_test_cfg import WINDOW_OPTIONS, check_test_cfg

FUSIONS = ('mid', 'late')
TEST_OPTIONS = ('predict', 'val_loss', *WINDOW_OPTIONS)


def check_model_options(
    fusion: str, train_cfg: Mapping | None, test_cfg: Mapping | None, pretrained: object
) -> None:
    """Refuse options that are unknown or that the segmentor does not read.

    Raises:
        ValueError: Names the option, and what it must be.
    """
    if train_cfg or pretrained:
        raise ValueError(
            'CrossModalSegmentor reads neither train_cfg nor pretrained, but got '
            f'{train_cfg!r} and {pretrained!r}: remove them, and give backbones their '
            'weights by init_cfg'
        )
    check_test_cfg(test_cfg, TEST_OPTIONS)
    if fusion not in FUSIONS:
        raise ValueError(f'fusion must be one of {FUSIONS}, but got {fusion!r}')


def prediction_branch(test_cfg: Mapping, branches: Collection[str]) -> str:
    """The branch that ``test_cfg`` predicts from, or 'mean' for that of all modalities.

    Raises:
        ValueError: If there is no such branch.
    """
    name = test_cfg.get('predict', 'mean')
    if name not in ('mean', *branches):
        raise ValueError(
            f"test_cfg.predict must be 'mean' or one of the branches {tuple(branches)}, but got "
            f'{name!r}'
        )
    return name
