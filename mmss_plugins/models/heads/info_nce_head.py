"""The loss of contrastive pretraining as a head."""

from __future__ import annotations

from mmengine.dist import get_world_size
from mmengine.model import BaseModule
from torch import Tensor

from mmss_plugins.functional import info_nce
from mmss_plugins.registry import MODELS

_VIEWS = 2


@MODELS.register_module()
class InfoNCEHead(BaseModule):
    """InfoNCE over the views of all processes: :func:`~mmss_plugins.functional.info_nce`.

    Has no weights. Accumulating gradients over iterations does not compare more views.

    Args:
        temperature: T > 0. Defaults to 0.5.
        gather: Whether to compare with the views of the other processes. Defaults to True.
        init_cfg: Of :class:`mmengine.model.BaseModule`.
    """

    def __init__(
        self, temperature: float = 0.5, gather: bool = True, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        if not temperature > 0:
            raise ValueError(f'temperature must be positive, but got {temperature}')
        self.temperature, self.gather = temperature, gather

    def loss(self, embeddings: Tensor) -> Tensor:
        """The mean over all views.

        Args:
            embeddings: (2B, D), all first views and then all second views; not normalised.

        Returns:
            A scalar.

        Raises:
            ValueError: If there is one image in all: the loss would be 0, whatever it learns from.
        """
        if len(embeddings) * (get_world_size() if self.gather else 1) == _VIEWS:
            raise ValueError(
                'the batch of all processes holds one image, so there are no others to '
                'distinguish its views from, and the loss is 0: set train_dataloader.batch_size '
                'to 2 or more, and drop_last=True'
            )
        return info_nce(embeddings, self.temperature, self.gather)
