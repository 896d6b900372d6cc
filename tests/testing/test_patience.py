"""What the fragment of a URL orders, and what an attempt's failure is called."""

from __future__ import annotations

import pytest

from voicecall.ports import Exchange, HttpRequest, HttpResponse
from voicecall.testing.dialect import Patience
from voicecall.testing.patience import BadFragment, FragmentRules, bare, patience_of, troubles_of

URL = "https://voice.example.com/hook?a=1"
RULES = FragmentRules(
    usual=Patience(read_s=15, total_s=20, pauses_s=(1.0,), again=frozenset({"ct"})),
    read_ms=(100, 15_000),
    total_ms=(100, 20_000),
    others=frozenset({"e"}),
)


@pytest.mark.parametrize(
    ("fragment", "patience"),
    [
        ("", Patience(read_s=15, total_s=20, pauses_s=(1.0,), again=frozenset({"ct"}))),
        ("#e=ashburn&ct=2000", Patience(read_s=15, total_s=20, pauses_s=(1.0,), again=frozenset({"ct"}))),
        (
            "#ct=2000&rt=5000&tt=10000&rc=2&rp=4xx,5xx,ct,rt",
            Patience(read_s=5, total_s=10, pauses_s=(1.0, 1.0), again=frozenset({"4xx", "5xx", "ct", "rt"})),
        ),
        (
            "#rp=all&rc=0",
            Patience(read_s=15, total_s=20, pauses_s=(), again=frozenset({"4xx", "5xx", "ct", "rt"})),
        ),
    ],
)
def test_a_fragment_changes_what_it_names(fragment: str, patience: Patience) -> None:
    assert patience_of(URL + fragment, RULES) == patience
    assert bare(URL + fragment) == URL


@pytest.mark.parametrize(
    ("fragment", "words"),
    [
        ("#rc=6", "#rc: must be a number from 0 to 5"),
        ("#rt=15001", "#rt: must be a number from 100 to 15000"),
        ("#ct=99", "#ct: must be a number from 100 to 10000"),
        ("#tt=-1", "#tt"),
        ("#rt=\u0664\u0664\u0664", "#rt"),
        ("#rt=", "#rt"),
        ("#rp=6xx", "#rp: '6xx'"),
        ("#rp=", "#rp: ''"),
        ("#rx=1", "#rx: there is no such key"),
        ("#rc=1&rc=2", "#rc: is there twice"),
        ("#top", "#top"),
    ],
)
def test_a_fragment_that_breaks_the_rules_is_refused_by_key(fragment: str, words: str) -> None:
    with pytest.raises(BadFragment) as refused:
        patience_of(URL + fragment, RULES)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("status", "troubles"),
    [(200, set()), (204, set()), (302, {"4xx"}), (404, {"4xx"}), (429, {"4xx", "later"}), (503, {"5xx"})],
)
def test_an_answer_is_taken_or_has_a_name(status: int, troubles: set[str]) -> None:
    request = HttpRequest(method="POST", url=URL)
    assert troubles_of(Exchange(request=request, response=HttpResponse(status=status))) == troubles


@pytest.mark.parametrize(("sent", "troubles"), [(False, {"ct"}), (True, {"rt"})])
def test_no_answer_is_no_connection_or_no_patience(sent: bool, troubles: set[str]) -> None:
    request = HttpRequest(method="POST", url=URL)
    assert troubles_of(Exchange(request=request, error="gone", sent=sent)) == troubles
