"""The same raw files in the forms in which people have them: folders, deeper, archives."""

import re
import shutil
import zipfile
from pathlib import Path

import lmdb
import numpy as np

from helpers.aerial_raw_trees import write_loveda, write_potsdam
from helpers.downstream_trees import NAMES, write_tiles
from helpers.small_raw_trees import dfc_path, write_tiff
from mmss_plugins.prepare import dfc2020, loveda, noldo_downstream, potsdam

UTM = {'crs': 'EPSG:32633', 'transform': (10.0, 0.0, 400_000.0, 0.0, -10.0, 5_000_000.0)}
S2_LEVELS = [1500, 1300, 1200, 1300, 1500, 2000, 2300, 2250, 2500, 800, 12, 2100, 1500]


def sentinel_arrays(rng, size):
    """Radar around -12 and -20 dB, reflectance x 10000 as of land, B10 nearly dark."""
    levels = np.array(S2_LEVELS)[:, None, None]
    noise = rng.lognormal(0, 0.3, (13, size, size))
    s1 = rng.normal(0, 2.5, (2, size, size)) + np.array([-12.0, -20.0])[:, None, None]
    return s1, (levels * noise).astype(np.uint16)


def write_dfc_split(root, split, numbers, size=12):
    """DFC2020 in the reference's tree, with georeference and real-like values."""
    rng = np.random.default_rng(3)
    for number in numbers:
        s1, s2 = sentinel_arrays(rng, size)
        label = rng.integers(0, 11, (size, size)).astype(np.uint8)
        for kind, array in {'s1': s1, 's2': s2, 'dfc': label}.items():
            write_tiff(dfc_path(root, split, kind, number), array, **UTM)


def _dfc(root):
    for split, numbers in (('validation', (0, 3)), ('test', (0, 1, 12))):
        write_dfc_split(root, split, numbers)
    return {path: _contest_place(path.name) for path in root.rglob('*.tif')}


def _contest_place(name):
    split, kind = re.match('ROIs0000_([a-z]+)_([a-z0-9]+)_0_p', name).groups()
    folder = {'validation': f'{kind}_validation', 'test': f'{kind}_0'}[split]
    return f'{folder}.zip', f'ROIs0000_{split}/{folder}/{name}'


def _potsdam(root):
    write_potsdam(root, ['2_10', '6_7', '7_13'], kinds=('RGB', 'label', 'noBoundary', 'DSM'))
    places = {}
    for path in root.rglob('*.tif'):
        folder = path.parent.name
        flat = folder.startswith('5_Labels')  # these archives unpack flat
        places[path] = (f'{folder}.zip', path.name if flat else f'{folder}/{path.name}')
    return places


def _loveda(root):
    numbers = {('Train', 'Urban'): [3, 11], ('Train', 'Rural'): [0], ('Val', 'Urban'): [7]}
    numbers |= {('Val', 'Rural'): [8], ('Test', 'Urban'): [5], ('Test', 'Rural'): [6]}
    write_loveda(root, numbers, size=20)
    places = {path: path.relative_to(root).as_posix() for path in root.rglob('*.png')}
    return {path: (f'{name.split("/")[0]}.zip', name) for path, name in places.items()}


def _downstream(root):
    for split in ('dw_train', 'dw_test', 'osm_train', 'osm_test'):
        write_tiles(root, split, dict.fromkeys(NAMES[:2], 14), two_bands=NAMES[:1])
    places = {}
    for path in root.rglob('*.tif'):
        name = path.relative_to(root).as_posix().replace('osm_train/', 'osm_train_large/')
        part = name.partition('_')[0]
        places[path] = (f'ssl4eo_s12_{part}.zip', f'SSL4EO-S12@{part.upper()}/{name}')
    return places


SETS = {  # tool, its options, what writes the files and tells their places in the archives
    'dfc2020': (dfc2020, (), _dfc),
    'potsdam': (potsdam, ('--size', '16', '--dsm'), _potsdam),
    'loveda': (loveda, (), _loveda),
    'downstream': (noldo_downstream, ('--patch-size', '8'), _downstream),
}


def write_set(name, root):
    """Write a set in its plainest tree; returns file to (archive, name in the archive)."""
    return SETS[name][2](root)


def prepare(name, root, out, *options):
    module, fixed, _ = SETS[name]
    return module.main([str(root), str(out), '--workers', '1', *fixed, *options])


def contents(folder, scratch):
    """Every record of every store, byte by byte."""
    found = {}
    for store in sorted(folder.glob('*.lmdb')):
        shutil.copytree(store, scratch / store.name)
        env = lmdb.open(str(scratch / store.name), readonly=True, lock=False)
        with env, env.begin() as txn:
            found[store.name] = dict(txn.cursor())
    shutil.rmtree(scratch)
    return found


def copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def unpacked(places, root):
    """All archives unpacked beside each other."""
    for path, (_, name) in places.items():
        copy(path, root / name)


def in_capitals(places, root):
    """Unpacked, with suffixes in capitals, as some tools write them."""
    for path, (_, name) in places.items():
        copy(path, root / Path(name).with_suffix(path.suffix.upper()))


def deeper(places, root):
    """Each archive unpacked into a folder of its name, all of them one folder deeper."""
    for path, (archive, name) in places.items():
        copy(path, root / 'data of others' / Path(archive).stem / name)


def with_mac_files(places, root):
    """As a Mac's archiver leaves it."""
    for path, (_, name) in places.items():
        copy(path, root / name)
        copy(path, root / '__MACOSX' / name)
        ghost = root / Path(name).with_name(f'._{Path(name).name}')
        ghost.write_bytes(b'\0\5\26\7')


def archives(places, root, compression=zipfile.ZIP_STORED, extra=()):
    """The archives as they are published."""
    root.mkdir(parents=True)
    for path, (archive, name) in places.items():
        with zipfile.ZipFile(root / archive, 'a', compression) as target:
            target.write(path, name)
            for prefix in extra:
                target.writestr(f'{prefix}/{Path(name).parent}/._{Path(name).name}', b'\0\5\26\7')


def deflated(places, root):
    """Compressed archives, with what a Mac's archiver adds."""
    archives(places, root, zipfile.ZIP_DEFLATED, ('__MACOSX',))


def one_archive(places, root):
    """Everything in one archive, which is given instead of a folder."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(root, 'w', zipfile.ZIP_DEFLATED) as target:
        for path, (_, name) in places.items():
            target.write(path, f'everything/{name}')


def half_unpacked(places, root):
    """Some archives unpacked, the others as they are."""
    first = min(archive for archive, _ in places.values())
    unpacked({p: v for p, v in places.items() if v[0] == first}, root / 'folders')
    archives({p: v for p, v in places.items() if v[0] != first}, root / 'archives')


FORMS = {
    form.__name__: form
    for form in (
        unpacked,
        in_capitals,
        deeper,
        with_mac_files,
        archives,
        deflated,
        one_archive,
        half_unpacked,
    )
}
