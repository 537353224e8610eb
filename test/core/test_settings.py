"""Values from outside become what a setting is, or are refused with a hint."""

from array import array

import pytest

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.settings import Rule, Setting

KINDS = {  # type -> a default, values that fit it and what they become, values that do not
    bool: (False, {True: True}, [1, 'true', 0.0, None, (True,)]),
    int: (1, {2: 2}, [2.0, True, '2', None, (2,)]),
    float: (1.0, {2: 2.0, 2.5: 2.5}, [True, '2', None, (2.0,)]),
    str: ('', {'2': '2'}, [2, True, None, b'2', ('2',)]),
    tuple[float, ...]: (
        (1.0,),
        {(): (), (1, 2.5): (1.0, 2.5)},
        [1.0, '12', (True,), ('1',), None],
    ),
    tuple[int, ...]: ((1,), {(): (), (1, 2): (1, 2)}, [1, b'12', (1.0,), (None,)]),
    tuple[str, ...]: (('x',), {(): (), ('x', 'y'): ('x', 'y')}, ['x', (1,), None]),
}


def setting(kind):
    return Setting('name', kind, KINDS[kind][0], Rule(text='a phrase'))


@pytest.mark.parametrize('kind', KINDS)
def test_a_value_that_fits_is_taken_as_the_settings_type(kind):
    """A whole number stands for a double; an empty list has any type."""
    for value, fitted in KINDS[kind][1].items():
        got = setting(kind).fitted(value)
        assert (got, type(got)) == (fitted, type(fitted))
        if isinstance(got, tuple):
            assert [type(item) for item in got] == [type(item) for item in fitted]
    if kind == tuple[float, ...]:
        assert setting(kind).fitted(array('d', [1.0])) == (1.0,)


@pytest.mark.parametrize('kind', KINDS)
def test_a_value_that_does_not_fit_is_refused_with_a_hint(kind):
    """The error names setting, value and what to write. A bool is no number."""
    for value in KINDS[kind][2]:
        with pytest.raises(ConfigError) as error:
            setting(kind).fitted(value)
        assert str(error.value).startswith(f'name={value!r}: ')
    words = {bool: 'true or false', int: 'whole number', float: 'a number', str: 'a text'}
    assert words.get(kind, 'a list of') in str(error.value)
