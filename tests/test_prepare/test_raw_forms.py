"""The published sets in every form in which people have them give the same stores."""

import zipfile

import pytest
from helpers.raw_forms import FORMS, SETS, contents, prepare, write_set


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    """Set to its files, their places in the archives, and its stores' content."""
    found = {}
    for name in SETS:
        root = tmp_path_factory.mktemp(name)
        places = write_set(name, root / 'raw')
        assert prepare(name, root / 'raw', root / 'out') == 0
        found[name] = places, contents(root / 'out', root / 'copy')
    return found


@pytest.mark.parametrize('name', SETS)
@pytest.mark.parametrize('form', FORMS)
def test_every_form_gives_the_same_stores(published, tmp_path, name, form):
    places, expected = published[name]
    root = tmp_path / ('raw.zip' if form == 'one_archive' else 'raw')
    FORMS[form](places, root)
    assert prepare(name, root, tmp_path / 'out') == 0
    found = contents(tmp_path / 'out', tmp_path / 'copy')
    assert found.keys() == expected.keys()
    for store, records in expected.items():
        assert found[store] == records


def test_workers_open_archives_of_their_own(published, tmp_path):
    places, expected = published['dfc2020']
    FORMS['deflated'](places, tmp_path / 'raw')
    assert prepare('dfc2020', tmp_path / 'raw', tmp_path / 'out', '--workers', '2') == 0
    assert contents(tmp_path / 'out', tmp_path / 'copy') == expected


@pytest.mark.parametrize('name', SETS)
def test_a_damaged_member_is_reported(published, tmp_path, capsys, name):
    """A compressed member whose data are no data."""
    FORMS['deflated'](published[name][0], tmp_path / 'raw')
    for path in (tmp_path / 'raw').glob('*.zip'):
        with zipfile.ZipFile(path) as archive:
            wanted = (i for i in archive.infolist() if not i.filename.startswith('__MACOSX'))
            info = next(i for i in wanted if i.compress_type == zipfile.ZIP_DEFLATED)
        content = bytearray(path.read_bytes())
        start = info.header_offset + 30 + len(info.filename.encode())
        content[start : start + 20] = b'\xff' * 20
        path.write_bytes(content)
    assert prepare(name, tmp_path / 'raw', tmp_path / 'out') == 1
    assert 'skipped' in capsys.readouterr().out
