import pytest

from mmss_plugins.store.plain_json import check_plain, parse


def test_plain_values():
    text = '{"a": [1, 2.5, true, null, "Gr\\u00f6\\u00dfe", -9223372036854775807], "b": {}}'
    assert parse(text.encode()) == {
        'a': [1, 2.5, True, None, 'Größe', -9223372036854775807],
        'b': {},
    }
    check_plain({'a': (1, 2)}, 'info')


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'\xff',
        b'{"a": 1',
        b'[NaN]',
        b'[-Infinity]',
        b'[1e999]',
        b'[' + b'9' * 30 + b']',
        b'[' + b'9' * 9000 + b']',
        b'["\\ud800"]',
        b'{"\\udfff": 1}',
        b'[' * 70 + b']' * 70,
        b'[' * 100_000 + b']' * 100_000,
    ],
)
def test_refused(data):
    with pytest.raises(ValueError):  # noqa: PT011 (also of the json module)
        parse(data)


def test_messages_say_where_and_are_short():
    with pytest.raises(ValueError, match=r'^info\.a: .{,120}$'):
        check_plain({'a': '\ud800' * 1000}, 'info')
