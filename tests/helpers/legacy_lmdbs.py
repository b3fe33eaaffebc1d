"""Small LMDBs in the layouts of the CromSS reference, their content kept in memory."""

import pickle

import lmdb
import numpy as np

NUMPY_INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)


def write_lmdb(path, records, protocol=4):
    """Write pickled records by key; values that are bytes already go in as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        lmdb.open(str(path), map_size=1 << 30, sync=False, subdir=path.suffix != '.mdb') as env,
        env.begin(write=True) as txn,
    ):
        for key, record in records.items():
            value = record if isinstance(record, bytes) else pickle.dumps(record, protocol)
            txn.put(key.encode(), value)


def record(array, *name):
    return (array.tobytes(), array.shape, *name)


def write_pretraining(root, ids, size=8, protocol=4, integer=np.int64, seed=0):
    """Three LMDBs; returns arrays by field, each with one entry per index."""
    rng = np.random.default_rng(seed)
    shapes = {'s1': (4, 2, size, size), 's2c': (4, 13, size, size), 'labels': (4, size, size)}
    content = {}
    for name, shape in shapes.items():
        top = 9 if name == 'labels' else 256
        content[name] = [rng.integers(0, top, shape, dtype=np.uint8) for _ in ids]
        records = {str(i): record(array, integer(ids[i])) for i, array in enumerate(content[name])}
        write_lmdb(root / f'{name}.lmdb', records, protocol)
    return content


def write_downstream(path, names, size=8, osm=False, protocol=4, seed=0):
    """DW or OSM; returns arrays by key prefix."""
    rng = np.random.default_rng(seed)
    content, records = {'s1': [], 's2': [], 'dw': [], **({'osm': []} if osm else {})}, {}
    for i, name in enumerate(names):
        arrays = {
            's1': rng.normal(-15, 5, (2, size, size)).astype(np.float32),
            's2': rng.integers(0, 9000, (13, size, size)).astype(np.uint16),
            'dw': rng.integers(0, 11, (size, size)).astype(np.uint8),
            'osm': rng.integers(0, 14, (size, size)).astype(np.uint8),
        }
        for prefix in content:
            content[prefix].append(arrays[prefix])
            records[f'{prefix}_{i}'] = record(arrays[prefix], f'{prefix}_{name}.tif')
    write_lmdb(path, records, protocol)
    return content


def write_dfc_legacy(path, count, size=8, protocol=4, seed=0):
    """DFC2020; returns arrays by key prefix."""
    rng = np.random.default_rng(seed)
    content, records = {'s1': [], 's2': [], 'lbl': []}, {}
    for i in range(count):
        arrays = {
            's1': rng.normal(-15, 5, (2, size, size)),
            's2': rng.integers(0, 9000, (13, size, size)).astype(np.uint16),
            'lbl': rng.integers(0, 9, (size, size)).astype(np.uint8),
        }
        for prefix, array in arrays.items():
            content[prefix].append(array)
            records[f'{prefix}_{i}'] = record(array)
    write_lmdb(path, records, protocol)
    return content
