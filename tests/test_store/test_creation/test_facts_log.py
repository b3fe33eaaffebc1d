from mmss_plugins.store.creation.acquisition_gaps import describe_gaps, season_gaps
from mmss_plugins.store.creation.facts_log import FactsLog, log_path, read_facts

NAN = float('nan')


def test_facts_are_kept_over_runs(tmp_path):
    store = tmp_path / 'a.lmdb'
    with FactsLog(store, []) as log:
        log.add('a', {'days': [1.5]})
        log.add('b', {'days': [2.5]})
    with log_path(store).open('a') as file:
        file.write('{"sample": "c", "da')  # the machine was switched off
    assert read_facts(store) == {'a': {'days': [1.5]}, 'b': {'days': [2.5]}}
    with FactsLog(store, ['b']) as log:  # the store has only kept b
        log.add('a', {'days': [9.0]})
    assert list(read_facts(store).items()) == [('b', {'days': [2.5]}), ('a', {'days': [9.0]})]
    with FactsLog(store, []):
        pass
    assert read_facts(store) == {}


def test_a_log_that_is_not_there_or_foreign(tmp_path):
    assert read_facts(tmp_path / 'a.lmdb') == {}
    log_path(tmp_path / 'a.lmdb').write_text('[1]\nnull\n{"x": 1}\nfree text\n')
    assert read_facts(tmp_path / 'a.lmdb') == {}


def test_gaps():
    assert describe_gaps([3.0, NAN, 1.0, 2.0]) == {
        'median': 2.0,
        'percentile_95': 2.9,
        'maximum': 3.0,
    }
    assert describe_gaps([NAN]) == describe_gaps([]) == {}
    found = season_gaps(['s0', 's1'], [[1.0, NAN], [3.0, NAN]])
    assert found == {
        's0': {'days_between_sensors': {'median': 2.0, 'percentile_95': 2.9, 'maximum': 3.0}}
    }
