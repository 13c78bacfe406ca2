"""One line of JSON that every parser reads back and no terminal obeys."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from controlroom.core.json_line import json_line


@given(st.text())
def test_any_text_comes_back_as_it_was_and_is_one_printable_line(text):
    line = json_line({"text": text})
    assert not {unicodedata.category(char) for char in line} & {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
    assert json.loads(line) == {"text": text}


def test_beyond_the_basic_plane_both_halves_are_escaped():
    assert json_line("\U000e0001") == '"\\udb40\\udc01"'


def test_what_people_read_is_left_readable():
    assert json_line("25 °C ± 0.1 µm") == '"25 °C ± 0.1 µm"'
