"""Labels files: what they may hold, and what is said of mistakes."""

import pytest

from halp_mm.preparation.folder.labels import ClipFacts, read_labels

TEXT = """name,label,split
b,wave,train
a,nod,"train;all"
sub/c,wave,
"with, comma",high throw,test all
"""
NAMES = ['high throw', 'nod', 'wave']
CLIPS = {
    'b': ClipFacts(2, ('train',), {}),
    'a': ClipFacts(1, ('train', 'all'), {}),
    'sub/c': ClipFacts(2, (), {}),
    'with, comma': ClipFacts(0, ('test', 'all'), {}),
}


def read(folder, text, classes=None):
    path = folder / 'labels.csv'
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    if classes is not None:
        (folder / 'classes.txt').write_bytes(classes.encode())
    return read_labels(path, None if classes is None else folder / 'classes.txt')


@pytest.mark.parametrize(
    'text',
    [
        TEXT,
        TEXT.rstrip('\n'),
        '\ufeff' + TEXT,
        TEXT.replace('\n', '\r\n'),
        TEXT.replace('\n', '\r'),
        TEXT.replace('\n', '\n,,\n'),
        '\n' + TEXT.replace('\n', '\n\n'),
        TEXT.replace('b,wave,train', ' b , wave , train '),
        TEXT.replace('train;all', ' train ; ; all;train '),
        'split,label,name\ntrain,wave,b\ntrain all,nod,a\n,wave,sub/c\n'
        'test;all,"high throw","with, comma"\n',
    ],
)
def test_forms_of_the_same_file(tmp_path, text):
    labels = read(tmp_path, text)
    assert list(labels.clips.items()) == list(CLIPS.items())
    assert labels.class_names == NAMES
    assert labels.problems == labels.bad == []


def test_further_columns_are_integers(tmp_path):
    labels = read(tmp_path, 'subject,name,label,split,camera\n 3,a,x,train,-2\n+04,b,x,test,0\n')
    assert labels.clips == {
        'a': ClipFacts(0, ('train',), {'subject': 3, 'camera': -2}),
        'b': ClipFacts(0, ('test',), {'subject': 4, 'camera': 0}),
    }
    assert list(labels.clips['a'].columns) == ['subject', 'camera']


def labels_of(labels):
    return [facts.label for facts in labels.clips.values()]


def test_integers_without_gaps_stay_as_they_are(tmp_path):
    labels = read(tmp_path, 'name,label,split\na,2,x\nb,000,x\nc,01,x\nd,2,x\n')
    assert labels_of(labels) == [2, 0, 1, 2]
    assert labels.class_names == ['0', '1', '2']
    assert labels.class_of_label == {0: 0, 1: 1, 2: 2}


def test_integers_with_gaps_are_numbered_anew(tmp_path):
    labels = read(tmp_path, 'name,label,split\na,10,x\nb,2,x\nc,007,x\nd,2,x\ne,,x\n')
    assert labels_of(labels) == [2, 0, 1, 0, None]
    assert labels.class_names == ['2', '7', '10']
    assert labels.class_of_label == {2: 0, 7: 1, 10: 2}
    assert labels.problems == []


def test_integers_among_names_are_names(tmp_path):
    labels = read(tmp_path, 'name,label,split\na,2,x\nb,10,x\nc,wave,x\n')
    assert labels.class_names == ['10', '2', 'wave']
    assert labels_of(labels) == [1, 0, 2]


@pytest.mark.parametrize(
    'classes', ['wave\nnod\nhigh throw\n', '\ufeffwave\r\n nod \r\nhigh throw\r\n\n']
)
def test_a_classes_file_gives_the_order(tmp_path, classes):
    labels = read(tmp_path, TEXT, classes)
    assert labels.class_names == ['wave', 'nod', 'high throw']
    assert labels_of(labels) == [0, 1, 0, 2]


def test_numbers_count_in_a_classes_file_of_names(tmp_path):
    labels = read(tmp_path, 'name,label,split\na,1,\nb,wave,\nc,2,\nd,-1,\n', 'wave\nnod\n')
    assert labels_of(labels) == [1, 0]
    assert labels.bad == ['c', 'd']
    numbered = read(tmp_path, 'name,label,split\na,1,\nb,0,\nc,2,\n', '1\n2\n')
    assert (labels_of(numbered), numbered.bad) == ([0, 1], ['b']), 'here numbers are names'


def test_clips_without_labels(tmp_path):
    labels = read(tmp_path, 'name,label,split\na,,train\nb,wave,\n')
    assert labels.clips['a'] == ClipFacts(None, ('train',), {})
    assert (labels.clips['b'].label, labels.class_names, labels.problems) == (0, ['wave'], [])
    assert read(tmp_path, 'name,label,split\na,,train\n').class_names == []


BAD_ROWS = {
    'bad,wave': 'found 2 cells; expected 3, one a column',
    'bad,wave,train,7': 'found 4 cells; expected 3',
    ',wave,train': "found name ''; expected a name on one line",
    '"bad\nname",wave,train': r"found name 'bad\\nname'; expected a name on one line",
    'a,nod,test': "clip 'a' stands in line 3 too; expected once",
}


@pytest.mark.parametrize('row', BAD_ROWS)
def test_bad_rows(tmp_path, row):
    labels = read(tmp_path, TEXT + row + '\n')
    assert labels.clips == CLIPS
    line = 7 if '\n' in row else 6
    (problem,) = labels.problems
    assert problem.text.startswith(f'{tmp_path / "labels.csv"}, line {line}: ')
    assert BAD_ROWS[row].replace('\\\\', '\\') in problem.text
    assert problem.text.endswith('. Correct the line')
    assert [name for name in labels.bad if 'bad' in name] == labels.bad


@pytest.mark.parametrize('cell', ['', 'three', '1.5', '1' * 19, '1_0'])
def test_columns_that_are_no_integers(tmp_path, cell):
    labels = read(tmp_path, f'name,label,split,subject\na,x,,1\nb,x,,{cell}\n')
    assert list(labels.clips) == ['a']
    assert labels.bad == ['b']
    assert f"line 3: found subject '{cell}'; expected an integer" in labels.problems[0].text


def test_names_in_a_column_are_numbered(tmp_path):
    rows = 'a,x,,s2,7,k1\nb,x,,s10,8,k1\nc,x,,s1,9,\n'
    labels = read(tmp_path, f'name,label,split,subject,camera,room\n{rows}d,x,,s2,7,k2\n')
    numbered = {'subject': {'s1': 1, 's10': 2, 's2': 3}, 'room': {'k1': 1, 'k2': 2}}
    assert labels.numbered == numbered
    assert {name: facts.columns for name, facts in labels.clips.items()} == {
        'a': {'subject': 3, 'camera': 7, 'room': 1},
        'b': {'subject': 2, 'camera': 8, 'room': 1},
        'd': {'subject': 3, 'camera': 7, 'room': 2},
    }
    (problem,) = labels.problems
    assert "line 4: found room ''; expected a name" in problem.text


@pytest.mark.parametrize('cell', ['1.5', '1e5x1', '7'])
def test_only_words_are_names(tmp_path, cell):
    """Fractions are no names, and a word among integers is a mistake."""
    text = f'name,label,split,age\na,x,,3\nb,x,,{cell}\n'
    assert read(tmp_path, text).numbered == {}


@pytest.mark.parametrize('label', ['-1', '10000', '123456789012345678'])
def test_integers_that_are_no_labels(tmp_path, label):
    labels = read(tmp_path, f'name,label,split\na,4,\nb,{label},\n')
    assert list(labels.clips) == ['a']
    assert labels.bad == ['b']
    assert labels.class_names == ['4']
    assert (
        f"line 3: found label '{label}'; expected integers from 0 to 9999, or names"
        in labels.problems[0].text
    )


def test_a_label_that_is_not_in_the_classes_file(tmp_path):
    labels = read(tmp_path, TEXT, 'wave\nhigh throw\n')
    assert labels.bad == ['a']
    assert list(labels.clips) == ['b', 'sub/c', 'with, comma']
    assert "line 3: found label 'nod'; expected a class of " in labels.problems[0].text
    assert 'classes.txt: wave, high throw. Correct the line' in labels.problems[0].text


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', r'has the columns \[\]; expected name, label and split, .*name, label, split missing'),
        (
            'name,class,split\na,b,c\n',
            r"\['name', 'class', 'split'\]; .* label missing. Add a first",
        ),
        (
            'name;label;split\n',
            r"semicolons between its cells: 'name;label;split'; expected commas",
        ),
        ('name,label,split,label\n', 'columns without a name or of the same name'),
        ('name,label,split,\n', 'columns without a name or of the same name'),
        ('name,label,split,clip\n', "has a column 'clip'; expected a name other than clip, splits"),
        ('name,label,split\n', 'has no good row\nExpected a line name,label,split for each'),
        ('name,label,split\na,b\n', 'has no good row\n  .*line 2: found 2 cells'),
        ('name,label,split\na,"b"c,d\n', 'line 2: .* expected a CSV file with columns name,label'),
        ('name,label,split\na,"b,c\n', 'unexpected end of data; expected a CSV file'),
        (TEXT.encode('utf-16'), 'is UTF-16, not UTF-8. Save it in UTF-8'),
        ('name,label,split\na,wählen,x\n'.encode('latin-1'), 'is not UTF-8'),
    ],
)
def test_what_is_no_labels_file(tmp_path, text, message):
    with pytest.raises(ValueError, match=f'(?s)labels.csv.*{message}'):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        ('', 'has no name; expected the name of a class on each line'),
        ('wave\nnod\nwave\n', 'has 1 names more than once: wave; expected each once. Remove'),
        ('wave\n\nnod\n', 'line 2: it is empty; expected the name of a class. Correct the line'),
    ],
)
def test_what_is_no_classes_file(tmp_path, classes, message):
    with pytest.raises(ValueError, match=f'classes file .*classes.txt,? {message}'):
        read(tmp_path, TEXT, classes)


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no labels file .*none\.csv'):
        read_labels(tmp_path / 'none.csv')
    (tmp_path / 'labels.csv').write_text(TEXT)
    with pytest.raises(FileNotFoundError, match=r'there is no classes file .*none'):
        read_labels(tmp_path / 'labels.csv', tmp_path / 'none')
