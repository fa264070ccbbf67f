"""Tabs of the app without a browser: websocket clients that speak Streamlit's protocol.

A browser also draws what it receives, which costs as much as the server and says nothing about it.
A `Tab` keeps only what it needs for clicking, and refreshes as a visible tab does.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import websockets
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection

from lab import audio, recordings
from lab.audio import Waveform
from lab.core.workspace import Workspace
from lab.recordings.samples import list_samples
from lab.ui.refresh import COMPONENT, EVENT


class Tab:
    """A tab with a page of the app; runs: how many script runs it has received."""

    def __init__(self, socket: ClientConnection, page: str) -> None:
        self._socket, self._page, self._page_hash = socket, page, ""
        self._query = ""
        self._buttons: dict[str, tuple[str, str]] = {}  # label: widget id, fragment id
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._waiting: list[tuple[Callable[[ForwardMsg], bool], asyncio.Future[None]]] = []
        self._reader = asyncio.create_task(self._read())
        self.runs = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str, page: str) -> AsyncIterator["Tab"]:
        """Open a page and wait until it has been drawn."""
        url = f"ws://{address}/_stcore/stream"
        async with websockets.connect(url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            tab = cls(socket, page)
            try:
                async with tab.wait_for(is_end_of_run):
                    await tab.rerun()
                yield tab
            finally:
                tab._reader.cancel()
                for timer in tab._timers.values():
                    timer.cancel()

    @property
    def transcript_id(self) -> str:
        """The transcript named in the URL, or ""."""
        return next(iter(parse_qs(self._query).get("transcript", [])), "")

    async def click(self, label: str) -> None:
        """Click the button whose label starts with `label`."""
        name = next(name for name in self._buttons if name.startswith(label))
        widget_id, fragment_id = self._buttons[name]
        await self._send(WidgetState(id=widget_id, trigger_value=True), fragment_id)

    async def rerun(self) -> None:
        """Rerun the whole page."""
        await self._send()

    @asynccontextmanager
    async def wait_for(self, condition: Callable[[ForwardMsg], bool]) -> AsyncIterator[None]:
        """Run the block, then wait for a message, received since its start, that satisfies this."""
        received: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((condition, received))
        yield
        await received

    async def _send(
        self, widget: WidgetState | None = None, fragment_id: str = "", *, is_timer: bool = False
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page_hash
        state.page_name = "" if self._page_hash else self._page
        state.fragment_id, state.is_auto_rerun = fragment_id, is_timer
        state.widget_states.widgets.extend([widget] if widget else [])
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        async for content in self._socket:
            assert isinstance(content, bytes)
            message = ForwardMsg.FromString(content)
            self._handle(message)
            for condition, received in self._waiting:
                if not received.done() and condition(message):
                    received.set_result(None)
            self._waiting = [item for item in self._waiting if not item[1].done()]

    def _handle(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.runs += 1
            if not message.metadata.run.fragment_ids:
                self._buttons.clear()
                for timer in self._timers.values():
                    timer.cancel()
                self._timers.clear()
        elif kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            # Streamlit's own timer: no page uses it, and if one did, a test would notice.
            fragment_id, interval_s = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self._set_timer(fragment_id, self._rerun_every(fragment_id, interval_s))
        elif kind == "delta":
            self._handle_delta(message.delta)

    def _handle_delta(self, delta: Delta) -> None:
        element = delta.new_element
        if element.WhichOneof("type") == "button":
            self._buttons[element.button.label] = (element.button.id, delta.fragment_id)
        elif element.bidi_component.component_name == COMPONENT:
            component = element.bidi_component
            delay_s = json.loads(component.json)["delay_s"]
            trigger = WidgetState(
                id=_make_trigger_id(component.id, "events"),
                json_trigger_value=json.dumps([{"event": EVENT, "value": True}]),
            )
            self._set_timer(component.id, self._refresh_in(trigger, delta.fragment_id, delay_s))

    def _set_timer(self, name: str, timer: Coroutine[None, None, None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.create_task(timer)

    async def _refresh_in(self, trigger: WidgetState, fragment_id: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        retry_s = 2 + delay_s
        while True:  # until the response sets a new timer
            await self._send(trigger, fragment_id)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, 30.0)

    async def _rerun_every(self, fragment_id: str, interval_s: float) -> None:
        while True:
            await asyncio.sleep(interval_s)
            await self._send(fragment_id=fragment_id, is_timer=True)


def is_end_of_run(message: ForwardMsg) -> bool:
    """Whether a run of a whole page has finished."""
    return (
        message.WhichOneof("type") == "script_finished"
        and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    )


def workspace_with_speech(folder: Path, duration_s: float) -> Path:
    """Create a workspace in `folder` with one recording of real speech."""
    speech = np.concatenate([audio.decode(sample.audio_path).samples for sample in list_samples()])
    samples = np.resize(speech, round(duration_s * audio.SAMPLE_RATE))
    wav = audio.encode_wav(Waveform(samples, audio.SAMPLE_RATE))
    recordings.add(Workspace(folder), "speech.wav", wav)
    return folder


async def transcribe(tab: Tab, others: Sequence[Tab] = ()) -> float:
    """Transcribe in a tab; returns the seconds from the click until it shows the text.

    others: tabs that are used right after the click, so they follow the queue too
    """
    async with tab.wait_for(is_end_of_run):
        await tab.click("Add all")
    previous = tab.transcript_id
    started = time.perf_counter()
    async with tab.wait_for(
        lambda message: tab.transcript_id != previous and is_end_of_run(message)
    ):
        await tab.click("Transcribe 1")
        for other in others:
            await other.click("Add all")
    return time.perf_counter() - started
