"""The commands and their options. What they do is imported when asked for: start-up time is part of the product."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from voicecall.cli.config_commands import config_commands
from voicecall.cli.draining_command import drain
from voicecall.cli.options import (
    CallOption,
    ConfigOption,
    FileOption,
    JsonOption,
    Message,
    Mode,
    StateOption,
    WaitOption,
    examples,
    place_of,
)
from voicecall.cli.pairing_commands import pairing
from voicecall.cli.place import BAD_USAGE, INTERRUPTED, fail
from voicecall.cli.rpc_commands import rpc
from voicecall.config.problems import ConfigError

app = App(
    name="voicecall",
    version=lambda: _version(),
    help="Put an AI agent on the phone, and tell afterwards exactly what happened.",
    help_format="plaintext",
    help_flags=["--help", "-h"],
    version_flags=["--version"],
    result_action="return_value",
)


def run(arguments: list[str]) -> int:
    """The exit code of a command line."""
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        command = f"{arguments[0]} " if arguments and arguments[0] in app else ""
        return fail(f"voicecall: {error}\nTry `voicecall {command}--help`.", BAD_USAGE)
    except ConfigError as error:
        return fail(str(error), BAD_USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BaseExceptionGroup as group:  # several tasks were at work when it came
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return result if isinstance(result, int) else 0


def _version() -> str:
    from importlib.metadata import version

    return version("voicecall")


@app.command(
    help_epilogue=examples(
        "voicecall serve --simulate",
        "voicecall serve --simulate twilio",
        "voicecall serve --config voicecall.json5 --state /var/lib/voicecall",
        "voicecall serve --simulate --speech elevenlabs --speech-url http://127.0.0.1:3336",
    )
)
def serve(
    carrier: Annotated[
        Literal["mock", "twilio", "telnyx", "plivo"] | None,
        Parameter(help="With --simulate: whose wire the network speaks. Default: that of the configured provider."),
    ] = None,
    /,
    *,
    simulate: Annotated[
        bool,
        Parameter(negative="", help="Serve a simulated phone network with simulated people instead of a real carrier."),
    ] = False,
    speech: Annotated[
        Literal["openai", "elevenlabs"] | None,
        Parameter(
            help="Who speaks and listens, instead of whom the configuration names. With --simulate, and without "
            "--speech-url, it only speaks: simulated people are understood by simulated vendors alone."
        ),
    ] = None,
    speech_url: Annotated[
        str | None, Parameter(help="Where the API of --speech is, if not at the vendor's own address.")
    ] = None,
    port: Annotated[int | None, Parameter(help="Instead of serve.port; 0 takes any free one.")] = None,
    stdio: Annotated[
        bool,
        Parameter(negative="", help="Speak JSON-RPC on standard input and output, and stop at the end of the input."),
    ] = False,
    host_grace: Annotated[
        float | None,
        Parameter(help="Stop after so many seconds without a host (hello {host: true}) once no call is live."),
    ] = None,
    clock_rate: Annotated[float, Parameter(show=False)] = 1.0,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Run the system: the one door for carriers, the calls, and the socket that the other commands use."""
    from voicecall.cli.serving import serve as run_server
    from voicecall.cli.speech import SpeechVendor, problem_of

    problem = problem_of(speech, speech_url)
    if problem:
        return fail(problem, BAD_USAGE)
    return run_server(
        place_of(state, config),
        carrier=carrier,
        simulate=simulate,
        speech=SpeechVendor(name=speech, url=speech_url) if speech else None,
        port=port,
        clock_rate=clock_rate,
        stdio=stdio,
        host_grace_s=host_grace,
    )


@app.command(
    help_epilogue=examples(
        'voicecall call --to +15550001001 --message "Hello! Is Thursday still good?"',
        'voicecall call -t +15550001002 -m "Your parcel is here." --mode notify --wait',
    )
)
def call(
    *,
    message: Message,
    to: Annotated[str | None, Parameter(name=["--to", "-t"], help="Whom to call, E.164. Default: toNumber.")] = None,
    mode: Mode = None,
    wait: WaitOption = False,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Call somebody and say something."""
    from voicecall.cli.calling import place_call

    params = {"to": to, "message": message, "mode": mode}
    return place_call(place_of(state, config), "voicecall.initiate", params, wait=wait, json=json)


@app.command(
    help_epilogue=examples(
        "voicecall start --to +15550001001",
    )
)
def start(
    *,
    to: Annotated[str, Parameter(name=["--to", "-t"], help="Whom to call, E.164.")],
    message: Annotated[
        str | None, Parameter(name=["--message", "-m"], help="First words; none: wait for theirs.")
    ] = None,
    mode: Mode = None,
    wait: WaitOption = False,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Like call, for somebody who may speak first."""
    from voicecall.cli.calling import place_call

    params = {"to": to, "message": message, "mode": mode}
    return place_call(place_of(state, config), "voicecall.start", params, wait=wait, json=json)


@app.command(
    name="continue",
    help_epilogue=examples(
        'voicecall continue --call-id 5b0e --message "Which time suits you?"',
    ),
)
def proceed(
    *,
    call_id: CallOption,
    message: Message,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Say something and wait for the answer, which is printed."""
    from voicecall.cli.calling import ask

    params = {"callId": call_id, "message": message}
    return ask(place_of(state, config), "voicecall.continue", params, json=json, waiting="waiting for the answer")


@app.command(
    help_epilogue=examples(
        'voicecall speak --call-id 5b0e --message "One moment, please."',
    )
)
def speak(
    *,
    call_id: CallOption,
    message: Message,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Say something on a live call."""
    from voicecall.cli.calling import ask

    return ask(place_of(state, config), "voicecall.speak", {"callId": call_id, "message": message}, json=json)


@app.command(
    help_epilogue=examples(
        'voicecall dtmf --call-id 5b0e --digits "1w2#"',
    )
)
def dtmf(
    *,
    call_id: CallOption,
    digits: Annotated[str, Parameter(help="Keys to press: 0-9 * # A-D; w waits half a second.")],
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Press keys on a live call."""
    from voicecall.cli.calling import ask

    return ask(place_of(state, config), "voicecall.dtmf", {"callId": call_id, "digits": digits}, json=json)


@app.command(
    help_epilogue=examples(
        "voicecall end --call-id 5b0e",
    )
)
def end(
    *, call_id: CallOption, json: JsonOption = False, state: StateOption = None, config: ConfigOption = None
) -> int:
    """Hang up."""
    from voicecall.cli.calling import ask

    return ask(place_of(state, config), "voicecall.end", {"callId": call_id}, json=json)


@app.command(
    help_epilogue=examples(
        "voicecall status",
        "voicecall status --call-id 5b0e --json",
    )
)
def status(
    *,
    call_id: Annotated[str | None, Parameter(name="--call-id", help="One call; none: those in progress.")] = None,
    file: FileOption = None,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """What is known of a call, or which calls are in progress. Works without a server."""
    from voicecall.cli.looking import show_status

    return show_status(place_of(state, config), call_id, file=file, json=json)


@app.command(
    help_epilogue=examples(
        "voicecall tail",
        "voicecall tail --call-id 5b0e --since 1000 --no-follow --json | jq .b.event.type",
    )
)
def tail(
    *,
    call_id: Annotated[str | None, Parameter(name="--call-id", help="Only this call.")] = None,
    since: Annotated[int, Parameter(help="How many past entries to begin with.")] = 25,
    follow: Annotated[bool, Parameter(help="Go on with what happens from now on.")] = True,
    file: FileOption = None,
    poll: Annotated[int, Parameter(help="Accepted for compatibility; following needs no setting.")] = 250,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """One readable line per fact: when, which call, what happened, what was decided. --json: the journal's lines."""
    from voicecall.cli.looking import show_tail

    return show_tail(place_of(state, config), call_id, since=since, follow=follow, file=file, json=json)


@app.command(
    help_epilogue=examples(
        "voicecall replay 5b0e",
        "voicecall replay 5b0e --until 12",
    )
)
def replay(
    call_id: Annotated[str, Parameter(help="Call id, its beginning, or the carrier's id.")],
    *,
    until: Annotated[int | None, Parameter(help="Stop after this seq and print the state there.")] = None,
    file: FileOption = None,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Decide a past call again and report the first difference. Exit code 1 when there is one."""
    from voicecall.cli.replaying import show_replay

    return show_replay(place_of(state, config), call_id, until=until, file=file, as_json=json)


@app.command(
    help_epilogue=examples(
        "voicecall latency --last 50",
        "voicecall latency --since 24h --json",
        "voicecall latency 5b0e --plot call.svg",
    )
)
def latency(
    *calls: Annotated[str, Parameter(help="Calls, to see turn by turn: ids, beginnings of ids, or the carrier's ids.")],
    last: Annotated[
        int | None, Parameter(help="How many of the newest calls to look at. Default: 200, or all with --since.")
    ] = None,
    since: Annotated[
        str | None, Parameter(help="Calls that began then or later: 30m, 24h, 7d, or a date with or without time.")
    ] = None,
    plot: Annotated[
        Path | None, Parameter(help="Draw the call to this .svg file: both voices, turns, interruptions, fillers.")
    ] = None,
    file: FileOption = None,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """How long people waited for an answer, stage by stage: from the transcript to what was heard."""
    from voicecall.cli.summing import show_latency

    place = place_of(state, config)
    return show_latency(place, calls, last=last, since=since, plot=plot, file=file, json=json)


@app.command(
    name="why-signature",
    help_epilogue=examples(
        "voicecall why-signature last",
        "voicecall why-signature r12 --json",
        "voicecall why-signature request.json --config voicecall.json5",
    ),
)
def why_signature(
    which: Annotated[str, Parameter(help="last, the id of a refused request, or a file with a saved one.")],
    *,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Why a webhook was refused: every address it may have been signed for, and which one would have been right."""
    from voicecall.cli.signatures import why_signature as explain

    return explain(place_of(state, config), which, json=json)


@app.command(
    help_epilogue=examples(
        "voicecall expose",
        "voicecall expose --mode serve --port 3334",
        "voicecall expose --mode off",
    )
)
def expose(
    *,
    mode: Annotated[
        Literal["off", "serve", "funnel"],
        Parameter(help="funnel: the internet reaches it; serve: your tailnet does; off: nobody does any more."),
    ] = "funnel",
    path: Annotated[str | None, Parameter(help="Public path of webhooks. Default: tailscale.path.")] = None,
    port: Annotated[int | None, Parameter(help="Port of the door. Default: serve.port.")] = None,
    serve_path: Annotated[str | None, Parameter(help="The door's own path. Default: serve.path.")] = None,
    json: JsonOption = False,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Make the door public by Tailscale, for good: webhooks and media sockets, whether a server runs or not.

    What others have exposed on this machine is never changed. A server with tunnel.provider needs no such thing.
    """
    from voicecall.cli.exposing import expose as run_expose

    return run_expose(place_of(state, config), mode=mode, path=path, port=port, serve_path=serve_path, json=json)


app.command(config_commands)
app.command(pairing)
app.command(rpc)
app.command(drain)
