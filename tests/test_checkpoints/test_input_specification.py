import json
from dataclasses import replace

import pytest
import torch

from mmss_plugins.checkpoints.spec.input_specification import (
    SPECIFICATION_KEY,
    InputSpecification,
    InputSpecificationError,
    ModalityInput,
    plain_settings,
    specification_of,
)
from mmss_plugins.checkpoints.spec.specification_difference import advice, compare, table

S1 = ModalityInput(('VV', 'VH'), 'dB', 'clip8', '0..1', (-12.5, -20.2), (5.3, 5.9))
S2 = ModalityInput(
    ('B4', 'B3', 'B2'), 'reflectance x 10000', 'clip8', '0..1', (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)
)
CLASSES = ('water', 'trees', 'grass')
BOTH = InputSpecification(
    {'s1': S1, 's2': S2}, CLASSES, 'CromSS', {'fusion': 'mid', 'smoothing': {'factors': [0.1]}}
)


def test_survives_json_and_restricted_loading(tmp_path):
    content = BOTH.to_dict()
    assert InputSpecification.from_dict(json.loads(json.dumps(content)), 'x') == BOTH
    torch.save({'meta': {SPECIFICATION_KEY: content}, 'state_dict': {}}, tmp_path / 'x.pth')
    assert specification_of(torch.load(tmp_path / 'x.pth', weights_only=True), 'x') == BOTH


def test_the_pixel_size_is_optional_and_no_difference():
    sized = InputSpecification({'s1': replace(S1, pixel_size=10.0)})
    content = json.loads(json.dumps(sized.to_dict()))
    assert InputSpecification.from_dict(content, 'x') == sized
    del content['modalities'][0]['pixel_size']  # as earlier versions wrote it
    assert InputSpecification.from_dict(content, 'x') == InputSpecification({'s1': S1})
    assert not any(row.differs for row in compare(sized, InputSpecification({'s1': S1}), False))
    for wrong in (0, -1, '10', True, float('nan')):
        content['modalities'][0]['pixel_size'] = wrong
        with pytest.raises(InputSpecificationError, match='s1 pixel_size: expected metres above 0'):
            InputSpecification.from_dict(content, 'x')


@pytest.mark.parametrize('content', [{}, {'meta': None}, {'meta': {}}, {'state_dict': {}}])
def test_a_checkpoint_may_carry_none(content):
    assert specification_of(content, 'x') is None


def broken(change):
    return {'meta': {SPECIFICATION_KEY: {**BOTH.to_dict(), **change}}}


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({'format': 2}, 'x.pth: expected an input specification of format 1, but found 2'),
        ({'format': True}, 'of format 1'),
        ({'format': 10**9999}, 'of format 1, but found int'),
        ({'modalities': [{'name': 's1'}]}, 'x.pth: broken input specification: s1 bands: '
         'it is missing'),
        ({'modalities': 3}, 'modalities: expected a list, but found 3'),
        ({'modalities': []}, 'expected at least one'),
        ({'modalities': [3]}, 'expected a dict for each, but found 3'),
        ({'classes': None}, 'classes: expected a list, but found None'),
        ({'classes': 'water'}, "classes: expected a list, but found 'water'"),
        ({'classes': [1]}, 'classes: expected text'),
        ({'classes': ['x'] * 100_000}, 'classes: expected at most 65536'),
        ({'classes': ['x' * 10**6]}, 'classes: expected text of at most 200'),
        ({'settings': [1]}, 'settings: expected a dict'),
        ({'settings': {'a': torch.zeros(1)}}, 'settings: expected plain values'),
        ({'settings': {'a': [0] * 20_000}}, 'settings: expected at most 10000 values'),
        ({'method': None}, 'method: expected text'),
        ({'version': 10 ** 9999}, 'version: expected text .*, but found int'),
    ],
)  # fmt: skip
def test_a_broken_specification_is_an_error(change, said):
    with pytest.raises(InputSpecificationError, match=said):
        specification_of(broken(change), 'x.pth')


def test_a_specification_that_is_no_dict_or_nested_is_an_error():
    with pytest.raises(InputSpecificationError, match='of format 1'):
        specification_of({'meta': {SPECIFICATION_KEY: 'text'}}, 'x.pth')
    inner = []
    for _ in range(100_000):
        inner = [inner]
    with pytest.raises(InputSpecificationError, match='settings: expected at most 16 levels'):
        specification_of(broken({'settings': {'a': inner}}), 'x.pth')
    endless = []
    endless.append(endless)
    with pytest.raises(InputSpecificationError, match='s2 unit: expected text'):
        specification_of(with_field(1, unit=endless), 'x.pth')
    many = {'a': [[['b'] * 100] * 100] * 100}
    with pytest.raises(InputSpecificationError, match='expected at most 10000 values'):
        specification_of(broken({'settings': many}), 'x.pth')


def test_both_processing_levels_of_sentinel2():
    content = BOTH.to_dict()
    content['modalities'][1]['unit'] = 'surface reflectance x 10000'
    name = content['modalities'][1]['name']
    found = InputSpecification.from_dict(content, 'x.pth')
    assert (name, found.modalities['s2'].unit) == ('s2', 'surface reflectance x 10000')


def with_field(index, **fields):
    modalities = BOTH.to_dict()['modalities']
    modalities[index] |= fields
    return broken({'modalities': modalities})


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'normalize': 'clip9'}, "s2 normalize: expected 'clip8' or 'standardise' or None, but "
                                 "found 'clip9'"),
        ({'normalize': ['clip8']}, 's2 normalize: expected'),
        ({'normalize': None}, 's2 values: expected .physical., but found .0..1.'),
        ({'normalize': None, 'values': 'physical'}, 's2 mean and std: expected none'),
        ({'normalize': 'standardise'}, "s2 values: expected 'standardised', but found '0..1'"),
        ({'values': '0..2'}, "s2 values: expected '0..1' or '0..255', but found '0..2'"),
        ({'unit': 'reflectance'}, "s2 unit: expected 'reflectance x 10000'"),
        ({'unit': 'surface reflectance x 10000', 'bands': ['B4', 'B10', 'B2']},
         "s2 bands: expected 'B1' or .*, but found 'B10'"),
        ({'bands': ['B4', 'B3', 'red']}, "s2 bands: expected 'B1' or .*, but found 'red'"),
        ({'bands': ['B4', 'B3', 'B3']}, 's2 bands: expected each once'),
        ({'bands': 'B4'}, "s2 bands: expected a list, but found 'B4'"),
        ({'bands': []}, 's2 bands: expected at least one'),
        ({'bands': ['B4', 'B3']}, 's2 mean: expected 2 finite numbers'),
        ({'mean': None}, 's2 mean: expected 3 finite numbers, one per band, but found None'),
        ({'mean': None, 'std': None}, 's2 mean and std: expected one number per band'),
        ({'std': [1.0, 0.0, 1.0]}, 's2 std: expected numbers above 0'),
        ({'std': [1.0, float('nan'), 1.0]}, 's2 std: expected 3 finite'),
        ({'mean': [1.0, 2.0, 10 ** 5000]}, 's2 mean: expected 3 finite'),
        ({'mean': [1.0, 2.0, True]}, 's2 mean: expected 3 finite'),
        ({'mean': 1.0}, 's2 mean: expected 3 finite'),
        ({'input_mean': [0.0] * 3}, 's2 input_std: expected 3 finite'),
        ({'input_std': ['a'] * 3, 'input_mean': [0.0] * 3}, 's2 input_std: expected 3 finite'),
        ({'name': 's1'}, "s1 bands: expected 'VV' or 'VH', but found 'B4'"),
        ({'name': 'aerial'}, 'aerial unit: expected'),
        ({'name': 5}, 'the name of a modality: expected text'),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_used_is_named(fields, said):
    with pytest.raises(InputSpecificationError, match=f'x.pth: broken input specification: {said}'):
        specification_of(with_field(1, **fields), 'x.pth')


def test_a_modality_twice_is_an_error():
    modality = BOTH.to_dict()['modalities'][0]
    with pytest.raises(InputSpecificationError, match='modalities: expected each once'):
        specification_of(broken({'modalities': [modality, modality]}), 'x.pth')


def test_settings_become_plain():
    value = {'a': (1, 2.5, None, True), 'type': ModalityInput, 3: torch.float32}
    plain = {'a': [1, 2.5, None, True], 'type': 'ModalityInput', '3': 'torch.float32'}
    assert plain_settings(value) == plain


def changed(name='s2', **fields):
    entries = dict(BOTH.modalities)
    entries[name] = ModalityInput(**{**vars(entries[name]), **fields})
    return InputSpecification(entries, CLASSES)


def differing(run, checkpoint=BOTH, classes=True):
    return [row.name for row in compare(checkpoint, run, classes) if row.differs]


def test_the_same_inputs_do_not_differ():
    assert differing(BOTH) == []
    assert differing(InputSpecification(BOTH.modalities, CLASSES, 'other', {}, '99')) == []
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
    turned = InputSpecification({'s2': S2, 's1': S1}, CLASSES)
    assert differing(turned) == ['modalities']
    assert differing(BOTH.select(['s2'])) == ['modalities']
    assert differing(BOTH.select(['s2']), BOTH.select(['s1'])) == ['modalities']
    assert differing(BOTH.select(['s2', 's1'])) == []
    assert 'prefix' in advice(compare(BOTH, BOTH.select(['s2']), True))[0]


def test_classes_count_where_asked_for_and_known():
    other = InputSpecification(BOTH.modalities, ('water', 'grass', 'trees'))
    assert differing(other) == ['classes']
    assert differing(other, classes=False) == []
    assert differing(InputSpecification(BOTH.modalities)) == []


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
        compare(InputSpecification({}, names), InputSpecification({}, other), classes=True)
    ).splitlines()[-1]
    assert '20, number 7 class number 7' in text
    assert '20, number 7 another' in text
    shorter = InputSpecification({}, names[:-1])
    text = table(compare(InputSpecification({}, names), shorter, classes=True)).splitlines()[-1]
    assert '20, number 19 class number 19  19, number 19 none' in text
    assert 'the same' in table(compare(shorter, shorter, classes=True))
