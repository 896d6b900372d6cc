"""How a text sounds after a filter, whole or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from hypothesis import strategies as st

from voicecall.core.spoken import Filter, SpokenText


def said(pieces: Iterable[str], make: Callable[[], Filter] = SpokenText) -> str:
    """What a fresh filter makes of the pieces, one after the other."""
    one = make()
    return "".join([*map(one.feed, pieces), one.rest()])


@st.composite
def texts(draw: st.DrawFn, *parts: str) -> tuple[str, list[str]]:
    """A text made of the parts and of ordinary characters, and the same text in pieces."""
    alphabet = st.one_of(st.sampled_from(parts), st.text(alphabet='ab1. \n"', max_size=3))
    text = "".join(draw(st.lists(alphabet, max_size=12)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return text, [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
