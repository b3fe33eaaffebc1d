"""What is printed of skipped samples."""

from mmss_plugins.store.creation.summary import SHOWN, format_skipped


def skipped(name, reason):
    return {'sample': name, 'reason': reason}


def test_a_reason_is_printed_once():
    entries = [
        skipped(f's{i}', f'/my data/{i}/a.b.png: expected: R, but found 1') for i in range(9)
    ]
    entries.insert(4, skipped('x', 'data/x.tif: missing file'))
    assert format_skipped(entries) == [
        '  skipped s0: /my data/0/a.b.png: expected: R, but found 1',
        '    and 8 more for the same reason: s1, s2, s3, ...',
        '  skipped x: data/x.tif: missing file',
    ]
    assert format_skipped(entries[:2])[1] == '    and 1 more for the same reason: s1'


def test_many_reasons_are_cut():
    lines = format_skipped([skipped(f's{i}', f'reason {i // 2}') for i in range(2 * SHOWN + 6)])
    assert lines[-2:] == [
        '    and 1 more for the same reason: s39',
        '  ... and 6 more, listed in the summary file',
    ]
