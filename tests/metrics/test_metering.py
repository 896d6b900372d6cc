"""The port that Prometheus asks, and the disk that tells how long it takes."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import pytest
import trio
import trio.testing
from prometheus_client.parser import text_string_to_metric_families

from journal import START, open_journal
from tests.metrics.test_reading import sources
from tests.web.kit import Answer, head, read_answer
from voicecall.audio.measure import Lag
from voicecall.config import parse
from voicecall.metrics.instruments import Instruments
from voicecall.metrics.metering import Metering, TimedDisk
from voicecall.metrics.opening import open_metering
from voicecall.projections.directory import Directory
from voicecall.web.listening import CannotListen, open_listeners

RATE = 20


async def ask(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(head(method, path, headers))
        return await read_answer(stream)


def test_the_port_tells_the_metrics_and_nothing_else() -> None:
    async def main() -> None:
        async with open_listeners("127.0.0.1", 0) as listeners, trio.open_nursery() as nursery:
            metering = Metering(listeners=listeners)
            await nursery.start(metering.run, sources(Directory(), Lag()))
            answer = await ask(metering.port, "/metrics")
            assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/plain")
            families = {one.name: one for one in text_string_to_metric_families(answer.body.decode())}
            assert {"voicecall_calls", "voicecall_turn_seconds", "voicecall_loop_lag_seconds"} <= set(families)
            assert {"process_cpu_seconds", "python_gc_collections"} <= set(families)
            assert families["voicecall_ready"].samples[0].value == 1
            modern = await ask(metering.port, "/metrics", accept="application/openmetrics-text;version=1.0.0")
            assert modern.headers["content-type"].startswith("application/openmetrics-text")
            assert modern.body.endswith(b"# EOF\n")
            for path, method in (("/", "GET"), ("/metrics", "POST"), ("/metrics/", "GET")):
                assert (await ask(metering.port, path, method)).status == 404
            nursery.cancel_scope.cancel()

    trio.run(main, clock=trio.testing.MockClock(rate=RATE))


def test_without_a_port_there_is_none_and_a_taken_one_names_its_key() -> None:
    async def main() -> None:
        async with open_metering(parse({}, {}).metrics) as metering:
            assert metering is None
        async with open_listeners("127.0.0.1", 0) as [taken]:
            port = taken.socket.getsockname()[1]
            with pytest.raises(CannotListen, match=r"^metrics\.port: .* set metrics\.port to a free port"):
                async with open_metering(parse({"metrics": {"port": port}}, {}).metrics):
                    pass
        with pytest.raises(CannotListen, match=r"^metrics\.bind: '192\.0\.2\.1' is no address of this machine"):
            async with open_metering(parse({"metrics": {"port": port, "bind": "192.0.2.1"}}, {}).metrics):
                pass

    trio.run(main)


class HeldUp(TimedDisk):
    """A disk that makes nothing durable until ``go`` is set."""

    go = threading.Event()

    def sync(self, descriptor: int) -> None:
        self.go.wait()
        super().sync(descriptor)


def test_batches_are_timed_and_appends_that_wait_are_counted(tmp_path: Path) -> None:
    async def main() -> None:
        instruments = Instruments()
        disk = HeldUp(instruments)
        disk.go.set()
        async with open_journal(tmp_path, disk=disk) as journal:
            before = instruments.registry.get_sample_value("voicecall_journal_sync_seconds_count")
            async with trio.open_nursery() as nursery:
                disk.go.clear()
                nursery.start_soon(partial(journal.append, "s", b"{}", after=START))
                nursery.start_soon(partial(journal.append, "t", b"{}", after=START))
                await trio.testing.wait_all_tasks_blocked()
                assert journal.waiting == 2
                disk.go.set()
            assert journal.waiting == 0
            after = instruments.registry.get_sample_value("voicecall_journal_sync_seconds_count")
            assert after - before in (1, 2), "one batch, or one for the first and one for what came meanwhile"
            assert journal.free_bytes > 0

    trio.run(main)
