"""Stores whose records were made up, with right checksums: a plain error, or a right reading."""

import copy
import json
import random
import zlib
from types import SimpleNamespace

import lmdb
import pytest
from helpers.small_store import dump, make_meta, make_samples, write_store

from mmss_plugins.store.reader import StoreError, StoreReader, StoreWriter, all_requests
from mmss_plugins.store.tools.info import describe, format_info
from mmss_plugins.store.tools.merge import merge
from mmss_plugins.store.tools.subset import subset
from mmss_plugins.store.tools.verify import verify_store
from mmss_plugins.utils.errors import PrepareUsageError

SAMPLES = make_samples(3, size=4)
KEYS = ('__meta__', '__ids__/00000000', '__check__')
CASES = 250


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value] if levels % 2 else {'a': value}
    return value


# functions, so that each is made again
VALUES = [
    lambda: None,
    lambda: True,
    lambda: 0,
    lambda: -1,
    lambda: 10**30,
    lambda: 2.5,
    lambda: float('nan'),
    lambda: float('inf'),
    lambda: '',
    lambda: 'x',
    lambda: '\ud800',
    lambda: 'a/b\0',
    lambda: '__x',
    lambda: 'y' * 600,
    list,
    lambda: [None],
    lambda: [[]],
    lambda: ['x', 'x'],
    dict,
    lambda: {'options': []},
    lambda: {'': {}},
    lambda: deep(50),
    lambda: deep(201),
]


def places(value, found):
    """All (container, key) in nested JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        found.append((value, key))
        if isinstance(item, dict | list):
            places(item, found)
    return found


def mutate(record, rng):
    """Change a record's content at one or two places: replaced, removed, added."""
    record = copy.deepcopy(record)
    for _ in range(rng.choice([1, 1, 2])):
        found = places(record, [])
        if not found:
            return rng.choice(VALUES)()
        container, key = rng.choice(found)
        what = rng.randrange(6)
        if what < 4:
            container[key] = rng.choice(VALUES)()
        elif what == 4:
            del container[key]
        elif isinstance(container, dict):
            container[rng.choice(['x', '', '\ud800', 'options'])] = rng.choice(VALUES)()
        else:
            container.append(rng.choice(VALUES)())
    return rng.choice(VALUES)() if rng.random() < 0.02 else record


def forge(env, original, number):
    """Write mutated records; the checksums are right unless they are what was mutated."""
    rng = random.Random(number)
    key = rng.choice((*KEYS[:1], *KEYS))
    texts = dict(original)
    texts[key] = json.dumps(mutate(json.loads(original[key]), rng)).encode()
    if rng.random() < 0.03:
        texts[key] = rng.choice([b'', b'\xff', b'[' * 5000, b'{"a"', b'[' * 150 + b']' * 150])
    if key != '__check__':
        crcs = {name: zlib.crc32(texts[name]) for name in KEYS[:2]}
        texts['__check__'] = json.dumps(crcs).encode()
    with env.begin(write=True) as txn:
        for name, text in texts.items():
            txn.put(name.encode(), text)
    return key


def use(path, out):
    """Do with a store what the tools do."""
    with StoreReader(path) as reader:
        requests = all_requests(reader.meta)
        for sample_id in reader.sample_ids:
            reader.check(sample_id)
            reader.read(sample_id, requests)
    format_info(describe(path))
    verify_store(path, 1, isolate=False)
    options = {'workers': 1, 'overwrite': True, 'commit_every': 9, 'count': 1, 'fraction': None}
    options |= {'seed': 0, 'balanced': False, 'by': 'tile', 'match': '*', 'holdout': None}
    few = SimpleNamespace(store=path, out=out / 'few.lmdb', holdout_seed=0, **options)
    subset(few)
    merge(SimpleNamespace(shards=[path], out=out / 'all.lmdb', **options))


def test_made_up_records(tmp_path, capsys):
    path = write_store(tmp_path / 'a.lmdb', SAMPLES)
    original = {key: dump(path)[key.encode()] for key in KEYS}
    outcomes, wrong = {'error': 0, 'read': 0}, {}
    for number in range(CASES):
        with lmdb.open(str(path), sync=False) as env:
            key = forge(env, original, number)
        try:
            use(path, tmp_path)
            outcomes['read'] += 1
        except (StoreError, PrepareUsageError) as error:
            outcomes['error'] += 1
            if str(tmp_path) not in str(error) or len(str(error)) > 2000:
                wrong[number] = key, str(error)[:300]
        except Exception as error:
            wrong[number] = key, repr(error)
    assert not wrong
    assert min(outcomes.values()) > CASES / 20, outcomes


def test_a_writer_meets_made_up_records(tmp_path):
    path = tmp_path / 'a.lmdb'
    with StoreWriter(path, make_meta()) as writer:
        writer.put('0', SAMPLES['0000000'])
    original = {key: dump(path)[key.encode()] for key in KEYS}
    for number in range(60):
        with lmdb.open(str(path), sync=False) as env:
            forge(env, original, number)
        with pytest.raises(StoreError, match=str(path)):
            StoreWriter(path, make_meta())
