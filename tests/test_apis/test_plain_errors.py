"""Errors that the tools print without a traceback."""

import pytest
from torch.utils.data import DataLoader

from mmss_plugins.apis.plain_errors import plain_errors
from mmss_plugins.bands import S2, resolve_bands
from mmss_plugins.datasets.lmdb_store import StoreFormatError, StoreReader


def test_what_the_package_says_is_all_that_is_said(tmp_path):
    with pytest.raises(SystemExit) as ended, plain_errors('tool.py'):
        len(StoreReader(tmp_path / 'none.lmdb'))
    assert str(ended.value).startswith('tool.py: error: StoreFormatError: ')
    assert str(ended.value).endswith('none.lmdb: expected an LMDB store, but found nothing')
    message = r'^tool\.py: error: ValueError: unknown s2 band set 77'
    with pytest.raises(SystemExit, match=message), plain_errors('tool.py'):
        resolve_bands(77, ('B1', 'B2'), S2)


def test_all_else_keeps_its_traceback():
    with pytest.raises(ValueError, match='batch_size'), plain_errors('tool.py'):
        DataLoader([1], batch_size=0)  # from a framework
    with pytest.raises(AttributeError), plain_errors('tool.py'):
        resolve_bands(77, ('B1', 'B2'), 's2')  # in the package, but not on purpose
    with pytest.raises(StoreFormatError), plain_errors('tool.py'):
        raise StoreFormatError('raised by a caller')
    with plain_errors('tool.py'):
        pass


def test_an_interruption_is_told(capsys):
    with pytest.raises(SystemExit) as ended, plain_errors('tool.py'):
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert capsys.readouterr().err == 'tool.py: interrupted\n'
