"""What the tests in Chromium share: the browser, its microphone, a scripted server, and the rules of accessibility."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import soundfile
import soxr
from playwright.sync_api import Browser, ConsoleMessage, Page, WebSocketRoute

from streamauth.core.audio.pcm import AudioFormat
from streamauth.demo_data import demo_utterances
from streamauth.protocol.messages import End, Start, check_frame, parse_client_text

UTTERANCES = demo_utterances()
PHRASE = UTTERANCES["awb", "door-1"].text
RATE_HZ = 48_000
PATIENCE_MS = 60_000
"""Long enough for a machine that has other work to do."""

READY = {
    "type": "ready",
    "version": 1,
    "limits": {
        "max_message_bytes": 262_144,
        "max_queue_s": 30.0,
        "idle_timeout_s": 20.0,
        "max_session_s": 600.0,
        "max_audio_s": 60.0,
    },
}

_SILENT_ARGS = [
    "--use-fake-device-for-media-stream",
    # a name that no rule of a secure context excepts, for the page that is not served by HTTPS
    "--host-resolver-rules=MAP voice.test 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
]


def chromium() -> str | None:
    """Where Chromium is."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


def chromium_args(recording: Path) -> list[str]:
    """Switches of a Chromium whose microphone plays a file once, from its begin whenever it is opened."""
    # the sandbox cannot be set up by root, which is who runs in a container
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [*_SILENT_ARGS, *sandbox, f"--use-file-for-fake-audio-capture={recording}%noloop"]


@dataclass(frozen=True)
class FakeMicrophone:
    """The file that Chromium plays as its microphone."""

    path: Path

    def says(self, voice: str, *names: str, gain: float = 1.0) -> None:
        """From the next opening on, it plays these utterances with pauses between."""
        pause = np.zeros(RATE_HZ, np.float32)
        parts = [pause[: RATE_HZ // 2]]
        for name in names:
            samples, rate_hz = soundfile.read(UTTERANCES[voice, name].path, dtype="float32")
            parts += [np.asarray(soxr.resample(samples, rate_hz, RATE_HZ), np.float32) * gain, pause]
        soundfile.write(self.path, np.clip(np.concatenate(parts), -1, 1), RATE_HZ, subtype="PCM_16")


# one address opens the page more often here than people behind one address ever do, and the microphone of the tests
# says the same again and again
_PATIENT = {
    "STREAMAUTH_REPLAY_REFUSE": "false",
    "STREAMAUTH_ACCESS_ADDRESS_BURST": "100000",
    "STREAMAUTH_ACCESS_ADDRESS_RATE_PER_MIN": "1000000",
}


def _environment(home: Path) -> dict[str, str]:
    """The variables of a process whose settings are the defaults, whatever those of the tests are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAMAUTH_")}
    models = {name: os.environ[name] for name in ("STREAMAUTH_MODELS",) if name in os.environ}
    return {**kept, **models, **_PATIENT, "STREAMAUTH_HOME": str(home)}


def api_key(home: Path, *more: str) -> str:
    """Make an API key, as the integrator's backend would have; from then on the server asks for one."""
    command = [sys.executable, "-m", "streamauth", "keys", "create", "shop", "--json"]
    command += [part for scope in ("verify", *more) for part in ("--scope", scope)]
    made = subprocess.run(command, env=_environment(home), stdout=subprocess.PIPE, check=True)
    return str(json.loads(made.stdout)["key"])


def session_token(site: str, key: str, **fields: str) -> dict[str, Any]:
    """What the integrator's backend asks the server for, before a page may begin."""
    request = Request(f"{site}v1/sessions", json.dumps(fields).encode(), method="POST")  # noqa: S310 - the test's own
    request.add_header("Authorization", f"Bearer {key}")
    request.add_header("Content-Type", "application/json")
    with urlopen(request) as reply:  # noqa: S310 - as above
        answer = json.load(reply)
    assert isinstance(answer, dict)
    return answer


@contextmanager
def server_process(home: Path) -> Iterator[str]:
    """A server of its own process on a free port; gives the address of its page."""
    command = [sys.executable, "-m", "streamauth", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, env=_environment(home), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = str(json.loads(process.stdout.readline())["url"])
            yield url.replace("ws://", "http://").removesuffix("v1/stream")
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """The site of an integrator: a folder on a port of its own; gives its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, name="shop")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def opened(
    browser: Browser, address: str, *, microphone: bool | None = True, refusals: bool = False, **options: Any
) -> Iterator[Page]:
    """A page in a profile of its own; errors of its scripts and of its security policy fail the test.

    Args:
        browser: The browser.
        address: Where to go.
        microphone: Whether it is allowed; None leaves it unasked.
        refusals: Whether the server may refuse requests, which the browser writes to its console as errors.
        options: Of the browser context.
    """
    usual: dict[str, Any] = {"reduced_motion": "reduce", "viewport": {"width": 1280, "height": 800}}
    context = browser.new_context(**(usual | options))
    context.set_default_timeout(PATIENCE_MS)
    if microphone is not None:
        # whatever is granted, all that is not is denied
        context.grant_permissions(["microphone"] if microphone else ["geolocation"])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    refused = "Failed to load resource: the server responded"

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not (refusals and message.text.startswith(refused)):
            faults.append(message.text)

    page.on("console", note)
    try:
        page.goto(address)
        yield page
        assert faults == []
    finally:
        context.close()


@dataclass
class ScriptedServer:
    """A server that checks what the page says with the product's own parser, and answers from a script.

    Attributes:
        script: After so many frames of audio: a message, or a close code.
        refusal: What it answers to ``start`` in place of ``ready``, if anything.
        closes: Whether it closes after a decision, as for all modes but continuous.
        starts: The start messages that came.
        controls: The kinds of all control messages that came.
        frames: Sizes of the frames of audio that came, in bytes.
    """

    script: Sequence[tuple[int, dict[str, Any] | int]] = ()
    refusal: dict[str, Any] | None = None
    closes: bool = True
    starts: list[Start] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    def on(self, page: Page) -> "ScriptedServer":
        """Stand in for the server of a page."""
        page.route_web_socket("**/v1/stream", self._serve)
        return self

    def _serve(self, route: WebSocketRoute) -> None:
        count = 0
        audio: AudioFormat | None = None

        def receive(message: str | bytes) -> None:
            nonlocal audio, count
            if isinstance(message, bytes):
                assert audio is not None
                check_frame(message)
                self.frames.append(len(message))
                count += 1
                for after, answer in self.script:
                    if after == count:
                        self._answer(route, answer)
                return
            parsed = parse_client_text(message)
            self.controls.append(json.loads(message)["type"])
            if isinstance(parsed, End):
                route.close(code=1000)
            if isinstance(parsed, Start):
                self.starts.append(parsed)
                audio = parsed.audio
                self._answer(route, self.refusal or READY)
                for after, answer in self.script:
                    if after == 0:
                        self._answer(route, answer)

        route.on_message(receive)

    def _answer(self, route: WebSocketRoute, answer: dict[str, Any] | int) -> None:
        if isinstance(answer, int):
            route.close(code=answer)
            return
        route.send(json.dumps(answer))
        if self.closes and answer["type"] in {"decision", "enrolled", "error"}:
            route.close(code=1000)


def decision(verdict: str, *reasons: str, **fields: Any) -> dict[str, Any]:
    """A decision as the server words it to a page."""
    blank: dict[str, Any] = {"llr": None, "score": None, "band": None, "phrase": None, "name": None, "ranking": []}
    return {
        "type": "decision",
        "decision": verdict,
        "reasons": list(reasons),
        "speech_s": 2.25,
        "decided_at_s": 3.0,
        **blank,
        **fields,
    }


def error(code: str, message: str) -> dict[str, Any]:
    """An error as the server words it."""
    return {"type": "error", "at_s": 0.0, "code": code, "message": message}


def result(page: Page) -> str:
    """Wait for the outcome and give its heading."""
    page.wait_for_selector("#panel-result:not([hidden])")
    return page.inner_text("#verdict")


def reasons(page: Page) -> list[str]:
    """The sentences under the outcome."""
    return page.locator("#reasons li").all_inner_texts()


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")


def accessibility_faults(page: Page) -> list[str]:
    """What axe-core finds fault with, of any impact, as rule and place."""
    page.evaluate(_axe())
    report = page.evaluate("axe.run()")
    return [
        f"{violation['impact']}: {violation['id']} at {node['target']}: {node['failureSummary']}"
        for violation in report["violations"]
        for node in violation["nodes"]
    ]


def in_view(page: Page, selector: str) -> bool:
    """Whether all of an element is on the screen."""
    box, size = page.locator(selector).bounding_box(), page.viewport_size
    assert box is not None
    assert size is not None
    return box["y"] >= 0 and box["y"] + box["height"] <= size["height"] and box["x"] + box["width"] <= size["width"]
