import json

import pytest
import torch

from mmss_plugins.checkpoints.contract_difference import advice, compare, table
from mmss_plugins.checkpoints.input_contract import (
    CONTRACT_KEY,
    InputContract,
    InputContractError,
    ModalityInput,
    contract_of,
    plain_settings,
)

S1 = ModalityInput(('VV', 'VH'), 'dB', 'clip8', '0..1', (-12.5, -20.2), (5.3, 5.9))
S2 = ModalityInput(
    ('B4', 'B3', 'B2'), 'reflectance x 10000', 'clip8', '0..1', (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
)
CLASSES = ('water', 'trees', 'grass')
BOTH = InputContract(
    {'s1': S1, 's2': S2}, CLASSES, 'CromSS', {'fusion': 'mid', 'smoothing': {'factors': [0.1]}}
)


def test_survives_json_and_restricted_loading(tmp_path):
    content = BOTH.to_dict()
    assert InputContract.from_dict(json.loads(json.dumps(content)), 'x') == BOTH
    torch.save({'meta': {CONTRACT_KEY: content}, 'state_dict': {}}, tmp_path / 'x.pth')
    assert contract_of(torch.load(tmp_path / 'x.pth', weights_only=True), 'x') == BOTH


@pytest.mark.parametrize('content', [{}, {'meta': None}, {'meta': {}}, {'state_dict': {}}])
def test_a_checkpoint_may_carry_none(content):
    assert contract_of(content, 'x') is None


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'format': 2}, 'x.pth: expected an input contract of format 1, but found 2'),
        ({'modalities': [{'name': 's1'}]}, "x.pth: broken input contract: KeyError 'bands'"),
        ({'modalities': 3}, 'x.pth: broken input contract: TypeError'),
        ({'classes': None}, 'x.pth: broken input contract: TypeError'),
    ],
)
def test_a_broken_contract_is_an_error(change, said):
    content = {'meta': {CONTRACT_KEY: {**BOTH.to_dict(), **change}}}
    with pytest.raises(InputContractError, match=said):
        contract_of(content, 'x.pth')
    with pytest.raises(InputContractError, match='of format 1'):
        contract_of({'meta': {CONTRACT_KEY: 'text'}}, 'x.pth')


def test_settings_become_plain():
    value = {'a': (1, 2.5, None, True), 'type': ModalityInput, 3: torch.float32}
    plain = {'a': [1, 2.5, None, True], 'type': 'ModalityInput', '3': 'torch.float32'}
    assert plain_settings(value) == plain


def changed(name='s2', **fields):
    entries = dict(BOTH.modalities)
    entries[name] = ModalityInput(**{**vars(entries[name]), **fields})
    return InputContract(entries, CLASSES)


def differing(run, checkpoint=BOTH, classes=True):
    return [row.name for row in compare(checkpoint, run, classes) if row.differs]


def test_the_same_inputs_do_not_differ():
    assert differing(BOTH) == []
    assert differing(InputContract(BOTH.modalities, CLASSES, 'other', {}, '99')) == []
    through_float32 = tuple(torch.tensor(S2.mean).mul(1 / 3).mul(3).tolist())
    assert differing(changed(mean=through_float32)) == []


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'bands': ('B2', 'B3', 'B4')}, "set bands=['B4', 'B3', 'B2'] for s2"),
        ({'bands': ('B4', 'B3')}, 'in_channels=3'),
        ({'unit': 'reflectance'}, 'with s2 in reflectance x 10000'),
        ({'normalize': None}, "set normalize='clip8' in the data sets"),
        ({'values': '0..255'}, 'divides 8-bit images by 255'),
        ({'mean': (1.0, 2.0, 3.1)}, 'the statistics in mmss_plugins.bands'),
        ({'std': None}, 'the statistics in mmss_plugins.bands'),
        ({'input_mean': (0.5, 0.5, 0.5)}, 'set mean=None in the data preprocessor'),
        ({'input_std': (0.5, 0.5, 0.5)}, 'set std=None in the data preprocessor'),
    ],
)
def test_every_field_is_compared_and_has_its_advice(fields, said):
    run = changed(**fields)
    (name,) = fields
    assert differing(run) == [f's2 {name}']
    rows = compare(BOTH, run, True)
    (sentence,) = advice(rows)
    assert said in sentence
    (line,) = [line for line in table(rows).splitlines() if line.endswith('<- differs')]
    assert line.startswith(f's2 {name} ')


def test_modalities_and_their_order_count():
    turned = InputContract({'s2': S2, 's1': S1}, CLASSES)
    assert differing(turned) == ['modalities']
    assert differing(BOTH.only(['s2'])) == ['modalities']
    assert differing(BOTH.only(['s2']), BOTH.only(['s1'])) == ['modalities']
    assert differing(BOTH.only(['s2', 's1'])) == []
    assert 'prefix' in advice(compare(BOTH, BOTH.only(['s2']), True))[0]


def test_classes_count_where_asked_for_and_known():
    other = InputContract(BOTH.modalities, ('water', 'grass', 'trees'))
    assert differing(other) == ['classes']
    assert differing(other, classes=False) == []
    assert differing(InputContract(BOTH.modalities)) == []


def test_the_table_shows_both_sides():
    run = changed(bands=('B4', 'B3'), normalize=None, values='physical', mean=None, std=None)
    lines = [line.split('  ') for line in table(compare(BOTH, run, True)).splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert cells == [
        ['field', 'checkpoint', 'this run'],
        ['modalities', '2: s1 s2', '2: s1 s2'],
        ['s1 bands', '2: VV VH', '2: VV VH'],
        ['s1 unit', 'dB', 'dB'],
        ['s1 normalize', 'clip8', 'clip8'],
        ['s1 values', '0..1', '0..1'],
        ['s2 bands', '3: B4 B3 B2', '2: B4 B3', '<- differs'],
        ['s2 unit', 'reflectance x 10000', 'reflectance x 10000'],
        ['s2 normalize', 'clip8', 'none', '<- differs'],
        ['s2 values', '0..1', 'physical', '<- differs'],
        ['s2 mean', '1 2 3', 'none', '<- differs'],
        ['s2 std', '4 5 6', 'none', '<- differs'],
        ['classes', '3: water trees grass', '3: water trees grass'],
    ]


def test_long_lists_show_where_they_part():
    names = tuple(f'class number {i}' for i in range(20))
    other = (*names[:7], 'another', *names[8:])
    text = table(
        compare(InputContract({}, names), InputContract({}, other), classes=True)
    ).splitlines()[-1]
    assert '20, number 7 class number 7' in text
    assert '20, number 7 another' in text
    shorter = InputContract({}, names[:-1])
    text = table(compare(InputContract({}, names), shorter, classes=True)).splitlines()[-1]
    assert '20, number 19 class number 19  19, number 19 none' in text
    assert 'the same' in table(compare(shorter, shorter, classes=True))
