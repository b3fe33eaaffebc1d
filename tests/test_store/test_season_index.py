import pytest

from mmss_plugins.store.season_index import Location, read_index
from mmss_plugins.utils.errors import PrepareUsageError

EXPECTED = [
    Location('0000012', ('a', 'b', 'c', 'd')),
    Location('0000003', ('e', 'f', 'g', 'h')),
]


@pytest.mark.parametrize(
    'text',
    [
        '12,a,b,c,d\n3,e,f,g,h\n',
        '\ufeff12,a,b,c,d\r\n3,e,f,g,h\r\n\r\n',
        'ids,sub1,sub2,sub3,sub4\n12,a,b,c,d\n3,e,f,g,h',
        ',ids,sub1,sub2,sub3,sub4\n0,12,a,b,c,d\n1,3,e,f,g,h\n',
        'ind,ID,s0,s1,s2,s3\n0,0000012,a,b,c,d\n1,3, e ,f,g,h\n',
        '12.0,a,b,c,d\n3.0,e,f,g,h\n',
        '\ufeffids;sub1;sub2;sub3;sub4\n12.0;a;b;c;d\n"3";e;f;g;h\n',
        '12\ta\tb\tc\td\n3\te\tf\tg\th\n',
        's0,s1,s2,s3,location\na,b,c,d,12\ne,f,g,h,3\n',
    ],
)
def test_forms_that_are_read(tmp_path, text):
    path = tmp_path / 'ids.csv'
    path.write_text(text, encoding='utf-8', newline='')
    assert read_index(path) == EXPECTED


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', 'no location'),
        ('ids,sub1,sub2,sub3,sub4\n', 'no location'),
        ('12,a,b,c,d\n3,e,f,g\n', 'row 2: expected 5 columns, but found 4'),
        ('12,a,b,c,d\n\n3,e,f,g,h,i\n', 'row 3: expected 5 columns, but found 6'),
        ('12,a,b,c,d\nx,e,f,g,h\n', "row 2, column id: expected a whole number, but found 'x'"),
        ('12,a,b,c,d\n3.5,e,f,g,h\n', "row 2, column id: .* found '3.5'"),
        ('12,a,b,c,d\n-3,e,f,g,h\n', 'row 2, column id'),
        ('12,a,b,c,d\n3,e,,g,h\n', "row 2, column season1: expected a folder name, but found ''"),
        ('12,a,b,c,d\n3,e,f,../g,h\n', 'row 2, column season2'),
        ('12,a,b,c,d\n3,e,f,g,..\n', 'row 2, column season3'),
        ('12,a,b,c,d\n3,e,f,g,h\n012,e,f,g,h\n', 'row 3, column id: 012 is twice'),
        ('ids,sub1,sub2,sub3\n3,e,f,g\n', r'row 1: expected 4 columns of scenes'),
        ('who,sub1,sub2,sub3,sub4\n3,e,f,g,h\n', 'row 1: expected a column named'),
    ],
)
def test_errors_name_file_row_and_column(tmp_path, text, message):
    path = tmp_path / 'ids.csv'
    path.write_text(text)
    with pytest.raises(PrepareUsageError, match=message) as error:
        read_index(path)
    assert str(path) in str(error.value)


def test_missing_and_undecodable(tmp_path):
    with pytest.raises(PrepareUsageError, match=r'none\.csv'):
        read_index(tmp_path / 'none.csv')
    (tmp_path / 'binary.csv').write_bytes(b'\xff\xfe\x00\x01')
    with pytest.raises(PrepareUsageError, match=r'binary\.csv'):
        read_index(tmp_path / 'binary.csv')
