"""Whether an address that is set at a carrier is ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from voicecall.doctor.api import Answer, Plain, text
from voicecall.doctor.findings import Finding, Note, doubtful, good, skipped, wrong
from voicecall.doctor.subject import Subject
from voicecall.web.exposure import split_url

ID = "webhook"


def same_url(one: str, other: str) -> bool:
    """Whether a carrier asks the same of both: host and scheme in any case, one trailing slash, any fragment."""

    def meant(url: str) -> tuple[str, str, str]:
        scheme, where, target = split_url(url.strip())
        return scheme, where.lower(), target.removesuffix("/")

    return meant(one) == meant(other)


def nothing_expected(subject: Subject) -> Finding | None:
    """Why no address is compared, if none is."""
    if not subject.inbound:
        return good(ID, "nobody may call us (inboundPolicy), so no webhook need be set for a number")
    if not subject.webhook_url:
        return skipped(ID, "what the console says is compared once the tunnel's address is known")
    return None


def compare(subject: Subject, plain: Plain, where: str, keys: tuple[tuple[str, str, str], ...], note: Note) -> bool:
    """Whether all addresses at ``where`` are ours; each is ``(what, key of the address, key of the method)``.

    The first one must be, the others had better be.
    """
    before, ours = True, subject.webhook_url
    for index, (what, url_key, method_key) in enumerate(keys):
        url, method = text(plain, url_key), text(plain, method_key).upper()
        complain = doubtful if index else wrong
        if not same_url(url, ours):
            said = f"is {url}" if url else "is not set"
            note(complain(ID, f"{where}: the {what} {said}", f"set it to {ours}"))
        elif method_key and method != "POST":
            note(complain(ID, f"{where}: the {what} is asked with {method or 'no method'}", "set the method to POST"))
        else:
            continue
        before = False
    return before


async def check_numbers(
    subject: Subject, check: Callable[[str], Awaitable[bool]], note: Note, *, before: bool = True
) -> None:
    """Each of our numbers by ``check``, which says whether its calls are announced to us; then one word for them all.

    ``before`` is whether nothing else is in the way.
    """
    announced = [await check(number) for number in subject.numbers]
    quiet = nothing_expected(subject)
    if quiet is not None:
        note(quiet)
    elif before and announced and all(announced):
        note(good(ID, f"calls are announced at {subject.webhook_url}"))


def unsaid(name: str, subject: Subject, answer: Answer) -> Finding:
    """The carrier did not answer what it was asked."""
    said = f"HTTP {answer.status}" if answer.status else answer.error
    return doubtful(name, f"{subject.carrier} cannot say now: {said}", "try again in a while")
