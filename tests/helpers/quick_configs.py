"""MMEngine's texts of configs, without the most costly part of them."""

import mmengine.config.config as module


def skip_formatting():
    """Leave the texts of configs as they come: same content, not laid out for people.

    MMEngine has each laid out by yapf, several times a run and once a checkpoint: most of the
    processor time that a run of a few tiny iterations takes.
    """
    if hasattr(module, 'FormatCode'):
        module.FormatCode = lambda text, **_options: (text, False)
