"""Tabs of the app without a browser: websockets that speak to the server as its front end does.

A browser draws what it gets; that costs as much as the server and says nothing about it. A Tab only
keeps what it needs to click, and looks again when the page asks for it, as a tab in front does.
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
    """A tab that looks at a page."""

    def __init__(self, socket: ClientConnection, page: str) -> None:
        self._socket, self._page, self._page_hash = socket, page, ""
        self._query = ""
        self._buttons: dict[str, tuple[str, str]] = {}
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._watchers: list[tuple[Callable[[ForwardMsg], bool], asyncio.Future[None]]] = []
        self._reader = asyncio.create_task(self._read())
        self.runs = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str, page: str) -> AsyncIterator["Tab"]:
        """A tab whose page has been drawn once."""
        url = f"ws://{address}/_stcore/stream"
        async with websockets.connect(url, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            tab = cls(socket, page)
            try:
                async with tab.until(is_end_of_run):
                    await tab._ask()
                yield tab
            finally:
                tab._reader.cancel()
                for timer in tab._timers.values():
                    timer.cancel()

    @property
    def shown(self) -> str:
        """The transcript that the address names."""
        return next(iter(parse_qs(self._query).get("transcript", [])), "")

    async def click(self, label: str) -> None:
        """Click a button by the beginning of its label."""
        name = next(name for name in self._buttons if name.startswith(label))
        widget, fragment = self._buttons[name]
        await self._ask(WidgetState(id=widget, trigger_value=True), fragment)

    async def rerun(self) -> None:
        """Have the whole page run again, as any change of a widget does."""
        await self._ask()

    @asynccontextmanager
    async def until(self, seen: Callable[[ForwardMsg], bool]) -> AsyncIterator[None]:
        """Do what is inside, and wait for a message from then on."""
        found: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watchers.append((seen, found))
        yield
        await found

    async def _ask(
        self, widget: WidgetState | None = None, fragment: str = "", *, is_timer: bool = False
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._page_hash
        state.page_name = "" if self._page_hash else self._page
        state.fragment_id, state.is_auto_rerun = fragment, is_timer
        state.widget_states.widgets.extend([widget] if widget else [])
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        async for content in self._socket:
            assert isinstance(content, bytes)
            message = ForwardMsg.FromString(content)
            self._take(message)
            for seen, found in self._watchers:
                if not found.done() and seen(message):
                    found.set_result(None)
            self._watchers = [one for one in self._watchers if not one[1].done()]

    def _take(self, message: ForwardMsg) -> None:
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
        elif (
            kind == "auto_rerun"
        ):  # Streamlit's own timer: no page has one, and a test would see it
            fragment, interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
            self._set_timer(fragment, self._every(fragment, interval))
        elif kind == "delta":
            self._take_delta(message.delta)

    def _take_delta(self, delta: Delta) -> None:
        element = delta.new_element
        if element.WhichOneof("type") == "button":
            self._buttons[element.button.label] = (element.button.id, delta.fragment_id)
        elif element.bidi_component.component_name == COMPONENT:
            component = element.bidi_component
            delay_s = json.loads(component.json)["delay_s"]
            asked = WidgetState(
                id=_make_trigger_id(component.id, "events"),
                json_trigger_value=json.dumps([{"event": EVENT, "value": True}]),
            )
            self._set_timer(component.id, self._ask_after(asked, delta.fragment_id, delay_s))

    def _set_timer(self, name: str, timer: Coroutine[None, None, None]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = asyncio.create_task(timer)

    async def _ask_after(self, asked: WidgetState, fragment: str, delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        retry_s = 2 + delay_s
        while True:  # until an answer comes, which brings another timer
            await self._ask(asked, fragment)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, 30.0)

    async def _every(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._ask(fragment=fragment, is_timer=True)


def is_end_of_run(message: ForwardMsg) -> bool:
    """Whether a script has been run to its end, that of a whole page."""
    return (
        message.WhichOneof("type") == "script_finished"
        and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    )


def workspace_with(folder: Path, seconds: float) -> Path:
    """A workspace with one recording of so many seconds of real speech."""
    speech = np.concatenate([audio.decode(one.audio_path).samples for one in list_samples()])
    samples = np.resize(speech, round(seconds * audio.SAMPLE_RATE))
    wav = audio.encode_wav(Waveform(samples, audio.SAMPLE_RATE))
    recordings.add(Workspace(folder), "speech.wav", wav)
    return folder


async def transcribe(tab: Tab, others: Sequence[Tab] = ()) -> float:
    """Seconds from the click until the page shows the text, while the others look on."""
    async with tab.until(is_end_of_run):
        await tab.click("Add all")
    before = tab.shown
    began = time.perf_counter()
    async with tab.until(lambda message: tab.shown != before and is_end_of_run(message)):
        await tab.click("Transcribe 1")
        for other in others:
            await other.click("Add all")
    return time.perf_counter() - began
