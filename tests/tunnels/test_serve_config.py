"""What a node serves belongs to its owner: what may be added to it, and how."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voicecall.tunnels.serve_config import Mode, Mount, objection, off, on, read_served

DOOR = "http://127.0.0.1:3334/voice/webhook"


def mount(mode: Mode = "funnel", port: int = 443, path: str = "/voice/webhook", target: str = DOOR) -> Mount:
    return Mount(mode=mode, port=port, path=path, target=target)


def served(paths: dict[str, Any], *, port: int = 443, funnel: bool = False) -> str:
    where = f"node.tail1234.ts.net:{port}"
    return json.dumps(
        {
            "TCP": {str(port): {"HTTPS": True}},
            "Web": {where: {"Handlers": paths}},
            **({"AllowFunnel": {where: True}} if funnel else {}),
        }
    )


def test_the_commands_are_those_of_the_reference() -> None:
    assert " ".join(on(mount())) == f"tailscale funnel --bg --yes --set-path /voice/webhook {DOOR}"
    assert " ".join(off(mount())) == "tailscale funnel --set-path /voice/webhook off"
    other = mount("serve", 8443)
    assert " ".join(on(other)) == f"tailscale serve --bg --yes --https 8443 --set-path /voice/webhook {DOOR}"
    assert " ".join(off(other)) == "tailscale serve --https 8443 --set-path /voice/webhook off"


@pytest.mark.parametrize("text", ["", "null\n", "{}", '{"TCP": null}'])
def test_a_node_that_serves_nothing_says_so_in_many_ways(text: str) -> None:
    assert dict(read_served(text).paths) == {}


@pytest.mark.parametrize("text", ["No serve config", "[1]", '{"Web": []}', '{"Web": {"h:443": {"Handlers": 1}}}'])
def test_what_is_no_configuration_is_no_answer(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_served(text)


def test_a_mount_is_there_when_it_leads_there_for_the_same_people() -> None:
    found = read_served(served({"/voice/webhook": {"Proxy": DOOR}}, funnel=True))
    assert found.holds(mount())
    assert not found.holds(mount("serve"))
    assert not found.holds(mount(port=8443))
    assert not found.holds(mount(target="http://127.0.0.1:4000/voice/webhook"))


@pytest.mark.parametrize(
    ("handler", "leads_to"),
    [
        ({"Proxy": "http://127.0.0.1:8080"}, "http://127.0.0.1:8080"),
        ({"Path": "/srv"}, "/srv"),
        ({"Text": "x"}, "a text"),
    ],
)
def test_a_path_of_somebody_else_is_not_taken(handler: dict[str, str], leads_to: str) -> None:
    found = read_served(served({"/voice/webhook": handler}, funnel=True))
    assert objection(found, [mount()]) == (
        f"/voice/webhook on port 443 already leads to {leads_to}, which is not ours; set another path, set "
        "tailscale.port to another port, or remove it: `tailscale funnel --set-path /voice/webhook off`"
    )
    assert objection(found, [mount(port=8443)]) == ""


def test_a_path_that_we_made_may_lead_elsewhere() -> None:
    before = mount(target="http://127.0.0.1:4000/voice/webhook")
    found = read_served(served({"/voice/webhook": {"Proxy": before.target}}, funnel=True))
    assert objection(found, [mount()], [before]) == ""


@pytest.mark.parametrize(("mode", "what"), [("funnel", "make it public"), ("serve", "take it from the internet")])
def test_what_others_serve_on_the_port_stays_for_those_it_is_for(mode: Mode, what: str) -> None:
    found = read_served(served({"/": {"Proxy": "http://127.0.0.1:8080"}}, funnel=mode == "serve"))
    words = f"port 443 also serves /, and a {mode} would {what}; set tailscale.port to "
    assert objection(found, [mount(mode)]).startswith(words)
    alike = read_served(served({"/": {"Proxy": "http://127.0.0.1:8080"}}, funnel=mode == "funnel"))
    assert objection(alike, [mount(mode)]) == ""
