"""On which line a key is."""

from __future__ import annotations

import json

import json5
from hypothesis import given
from hypothesis import strategies as st

from tests.config.test_examples import EXAMPLES
from voicecall.config.lines import line_at, lines_of

TEXT = r"""// a comment, with { and "
{
  a: 1, /* two
  lines */ 'b\x63': { "c": [1, { d: "}" },
    2] },
  e: "x\
y", f: null,
}"""


def test_every_key_has_its_line_whatever_is_between() -> None:
    assert lines_of(TEXT) == {
        "a": 3, "bc": 4, "bc.c": 4, "bc.c[0]": 4, "bc.c[1]": 4, "bc.c[1].d": 4, "bc.c[2]": 5, "e": 6, "f": 7,
    }  # fmt: skip


def test_what_is_not_there_is_where_it_would_be() -> None:
    lines = lines_of('{\n"a": {\n"b": [1] } }')
    assert [line_at(lines, path) for path in ("a.b", "a.b[7]", "a.x.y", "z", "")] == [3, 3, 2, None, None]


def test_every_key_of_a_real_file_is_found() -> None:
    for path in EXAMPLES.glob("*.json5"):
        text = path.read_text()
        for key, line in lines_of(text).items():
            name = key.rpartition(".")[2].partition("[")[0]
            assert key.endswith("]") or name in text.splitlines()[line - 1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def _paths(value: object, path: str = "") -> list[str]:
    if isinstance(value, dict):
        below = [(f"{path}.{name}" if path else name, one) for name, one in value.items()]
    elif isinstance(value, list):
        below = [(f"{path}[{index}]", one) for index, one in enumerate(value)]
    else:
        return []
    return [place for name, one in below for place in (name, *_paths(one, name))]


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4), st.integers(0, 3) | st.none())
def test_any_object_has_all_its_keys(value: dict[str, object], indent: int | None) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
        assert set(lines_of(text)) == set(_paths(json5.loads(text)))
