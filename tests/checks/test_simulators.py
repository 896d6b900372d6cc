"""The product knows no simulator: it is pointed at one by an address, and without one it goes to the vendors' own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import plivo.rest.client
import pytest
import telnyx
import twilio.rest
from elevenlabs.environment import ElevenLabsEnvironment
from openai import OpenAI

from tests.checks.sources import PRODUCT, ROOT, name_of, python_files, tree
from voicecall.accounts import account_of
from voicecall.config import parse

SIMULATORS = "voicecall/testing"
STARTS_ONE = {"voicecall/cli/simulating.py": "voicecall.testing.network"}
"""``serve --simulate`` starts the simulated phone network, as a program. No other module says the name of one."""
PRODUCT_FILES = [path for path in python_files(*PRODUCT) if not name_of(path).startswith(f"{SIMULATORS}/")]
SIMULATOR_FILES = python_files(SIMULATORS)
NAMES = ("OpenAiScript", "TextVendor", "vendors_app", "open_vendor", "Switchboard", "MemoryNetwork")
WHOLE = """
import sys, trio
from voicecall.config import parse
from voicecall.assembly import carrier_of
from voicecall.talking import open_mind
import voicecall.system, voicecall.cli.serving, voicecall.web.app, voicecall.web.door, voicecall.rpc.methods

async def main():
    key = {"apiKey": "k"}
    for name in ("openai", "elevenlabs"):
        both = {"provider": name, "providers": {name: key}}
        agent = {"provider": "openai", "providers": {"openai": key}}
        async with open_mind(parse({"tts": both, "streaming": {**both, "enabled": True}, "agent": agent}, {})) as mind:
            assert name in mind.voice.describe().lower(), mind.voice.describe()
    for name in ("mock", "twilio", "telnyx", "plivo"):
        carrier_of(name)

trio.run(main)
print([name for name in sys.modules if name.startswith(("voicecall.testing", "tests"))])
"""


def imported(path: Path) -> list[str]:
    """Every module that a file imports, or may: ``from a import b`` may be ``a.b``."""
    found: list[str] = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)}:{node.lineno} imports by a relative name"
            found += [str(node.module), *(f"{node.module}.{one.name}" for one in node.names)]
    return found


def named(path: Path) -> set[str]:
    """Every name in a file, and every word of its texts other than documentation."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names.add(name)
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Constant(value=str(text)):
                names |= set(text.split())
            case _:
                pass
    return names


def is_test(module: str) -> bool:
    return module.startswith(("voicecall.testing", "tests"))


def test_no_module_of_the_product_imports_a_simulator() -> None:
    assert len(PRODUCT_FILES) > 150
    assert [f"{name_of(path)}: {one}" for path in PRODUCT_FILES for one in imported(path) if is_test(one)] == []


def test_none_names_one() -> None:
    assert set(NAMES) <= {one for path in SIMULATOR_FILES for one in named(path)}
    for path in PRODUCT_FILES:
        allowed = {STARTS_ONE.get(name_of(path), "")}
        found = {one for one in named(path) if "voicecall.testing" in one or one in NAMES}
        assert found <= allowed, f"{name_of(path)}: {sorted(found)}"


def test_the_keys_of_simulated_vendors_are_not_known() -> None:
    keys = {"sk_simulated_elevenlabs", "sk-simulated-0123456789", "sk-simulated"}
    assert keys <= {one for path in SIMULATOR_FILES for one in named(path)}
    assert [name_of(path) for path in PRODUCT_FILES if keys & named(path)] == []


def test_a_whole_system_with_every_vendor_and_carrier_loads_none() -> None:
    done = subprocess.run([sys.executable, "-c", WHOLE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip().splitlines()[-1:], done.returncode) == (["[]"], 0), done.stderr


@pytest.mark.parametrize("section", ["tts", "streaming"])
def test_without_an_address_the_vendors_own_is_used(section: str) -> None:
    providers = getattr(parse({}, {}), section).providers
    assert providers.openai.base_url == str(OpenAI(api_key="k").base_url).rstrip("/") == "https://api.openai.com/v1"
    assert providers.elevenlabs.base_url == ElevenLabsEnvironment.PRODUCTION.value == "https://api.elevenlabs.io"


def test_a_model_without_an_address_is_at_openai() -> None:
    assert parse({}, {}).agent.providers.openai.base_url == str(OpenAI(api_key="k").base_url).rstrip("/")


def test_without_an_address_a_carrier_is_at_its_own() -> None:
    given = {"fromNumber": "+15550000000", "skipSignatureVerification": True}
    keys = ("accountSid", "authToken", "apiKey", "connectionId", "publicKey", "authId")
    theirs = {
        "twilio": twilio.rest.Client("AC", "k").api.base_url,
        "telnyx": str(telnyx.Telnyx(api_key="k").base_url).rstrip("/"),
        "plivo": f"{plivo.rest.client.PLIVO_API}/v1",
    }
    for carrier, url in theirs.items():
        environment = {f"{carrier.upper()}_{snake(key)}": "k" for key in keys}
        assert account_of(parse({**given, "provider": carrier}, environment), mock_secret="").api_url == url


def snake(name: str) -> str:
    return "".join(f"_{one}" if one.isupper() else one.upper() for one in name)
