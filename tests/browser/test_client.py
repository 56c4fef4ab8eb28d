"""streamauth.js by itself: what it sends, what it gives, and that a broken attempt is never an outcome."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from streamauth.core.events import Reason
from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import all_errors
from streamauth.protocol.purpose import Mode
from tests.browser.rig import ScriptedServer, decision, error, opened, static_server

PROMPT = {"type": "prompt", "at_s": 0.0, "text": "4 7 1 0 2 9", "after_phrase": True, "expires_s": 60.0}
SIGNED = {"type": "signed_verdict", "token": "e30.e30.c2ln", "expires_s": 60.0}
RUN = """async (options) => {
  const { VoiceSession } = await import("/streamauth.js");
  const session = new VoiceSession(options);
  const seen = [];
  window.session = session;
  for (const type of ["state", "microphone", "words", "score", "decision"]) {
    session.addEventListener(type, (event) => seen.push([type, event.detail]));
  }
  if (options.cancel_after_ms) setTimeout(() => session.cancel(), options.cancel_after_ms);
  try {
    return { outcome: await session.run(), seen };
  } catch (error) {
    return { code: error.code, message: error.message, retryable: error.retryable, seen };
  }
}"""


def run(page: Page, **options: Any) -> dict[str, Any]:
    answer = page.evaluate(RUN, {"mode": "verify", "name": "ada"} | options)
    assert isinstance(answer, dict)
    return answer


def states(answer: dict[str, Any]) -> list[str]:
    return [detail["state"] for kind, detail in answer["seen"] if kind == "state"]


def test_a_session_from_begin_to_outcome(page: Page) -> None:
    words = {"type": "words", "at_s": 0.1, "text": "please", "final": False}
    server = ScriptedServer([(2, words), (4, SIGNED), (4, decision("accept", "voice_match"))]).on(page)
    answer = run(page, prompt="digits", token="one-use", audience="shop", nonce="n-1")
    assert states(answer) == ["microphone", "connecting", "listening", "over"]
    assert ["words", words] in answer["seen"]
    assert answer["outcome"]["decision"] == "accept"
    assert answer["outcome"]["signed_verdict"] == SIGNED["token"]
    start = server.starts[0]
    assert (start.mode, start.name, start.prompt, start.token) == (Mode.VERIFY, "ada", PromptKind.DIGITS, "one-use")
    assert (start.audience, start.nonce) == ("shop", "n-1")


def test_audio_is_sent_at_the_rate_of_the_device_in_frames_of_30_ms(page: Page) -> None:
    server = ScriptedServer([(4, decision("undecided", "no_speech"))]).on(page)
    answer = run(page)
    rate_hz = server.starts[0].audio.sample_rate_hz
    applied = next(detail for kind, detail in answer["seen"] if kind == "microphone")
    assert applied["sampleRate"] == rate_hz
    assert set(server.frames) == {2 * round(0.03 * rate_hz)}


def test_processing_by_the_browser_is_off_unless_asked_for(page: Page) -> None:
    ScriptedServer([(1, decision("undecided", "no_speech"))]).on(page)
    wanted = {"echoCancellation": True, "noiseSuppression": True, "autoGainControl": True}
    for microphone, expected in (({}, False), (wanted, True)):
        answer = run(page, microphone=microphone)
        applied = next(detail for kind, detail in answer["seen"] if kind == "microphone")
        assert {name: applied[name] for name in wanted} == dict.fromkeys(wanted, expected)


def test_samples_may_be_floats(page: Page) -> None:
    server = ScriptedServer([(2, decision("undecided", "no_speech"))]).on(page)
    run(page, microphone={"encoding": "f32le", "frame_ms": 20})
    assert set(server.frames) == {4 * round(0.02 * server.starts[0].audio.sample_rate_hz)}


def test_a_broken_connection_is_an_interrupted_attempt_that_is_not_resumed(page: Page) -> None:
    server = ScriptedServer([(3, 1011)]).on(page)
    answer = run(page)
    assert (answer["code"], answer["retryable"]) == ("session_interrupted", True)
    assert len(server.starts) == 1


def test_a_connection_that_ends_in_order_without_an_outcome_is_interrupted_too(page: Page) -> None:
    ScriptedServer([(3, 1000)]).on(page)
    assert run(page)["code"] == "session_interrupted"


def test_before_the_session_began_a_busy_server_is_tried_again(page: Page) -> None:
    server = ScriptedServer(refusal=error("server_busy", "The server has as many sessions as it may.")).on(page)
    answer = run(page, retries=1)
    assert (answer["code"], answer["message"]) == ("server_busy", "The server has as many sessions as it may.")
    assert len(server.starts) == 2


def test_a_session_token_is_used_once(page: Page) -> None:
    server = ScriptedServer(refusal=error("server_busy", "Busy.")).on(page)
    assert run(page, token="given")["code"] == "server_busy"
    assert len(server.starts) == 1


def test_an_error_of_the_server_keeps_its_code_and_sentence(page: Page) -> None:
    server = ScriptedServer([(2, error("profile_locked", "This profile is locked."))]).on(page)
    answer = run(page)
    assert (answer["code"], answer["message"]) == ("profile_locked", "This profile is locked.")
    assert answer["retryable"] is False
    assert len(server.starts) == 1


def test_cancel_tells_the_server_and_lets_the_microphone_go(page: Page) -> None:
    server = ScriptedServer().on(page)
    page.evaluate("""() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => (window.stream = await ask(wanted));
    }""")
    assert run(page, cancel_after_ms=1500)["code"] == "cancelled"
    assert server.controls == ["start", "cancel"]
    assert page.evaluate("window.stream.getTracks().map((track) => track.readyState)") == ["ended"]


def test_cancel_after_the_outcome_takes_nothing_back(page: Page) -> None:
    ScriptedServer([(2, decision("accept", "voice_match"))]).on(page)
    answer = page.evaluate(
        """async () => {
          const { VoiceSession } = await import("/streamauth.js");
          const session = new VoiceSession({ mode: "verify", name: "ada" });
          session.addEventListener("decision", () => session.cancel());
          const outcome = await session.run();
          session.cancel();
          return outcome;
        }"""
    )
    assert answer["decision"] == "accept"


def test_cancel_while_it_connects(page: Page) -> None:
    page.route_web_socket("**/v1/stream", lambda route: None)
    assert run(page, cancel_after_ms=1000)["code"] == "cancelled"


def test_what_the_network_does_not_take_is_bounded_and_never_dropped_silently(page: Page) -> None:
    ScriptedServer().on(page)
    page.evaluate("""() => {
      window.WebSocket = new Proxy(WebSocket, {
        construct(target, values) {
          return Object.defineProperty(new target(...values), "bufferedAmount", { value: 10_000_000 });
        },
      });
    }""")
    assert run(page)["code"] == "connection_too_slow"


def test_sound_lost_in_the_browser_is_an_undecided_attempt(page: Page) -> None:
    ScriptedServer().on(page)
    page.evaluate("""() => {
      let frames = 0;
      const real = Object.getOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
      Object.defineProperty(MessagePort.prototype, "onmessage", {
        set(handler) {
          real.set.call(this, handler && ((event) => {
            frames += 1;
            handler(frames === 4 ? { data: { lost: 128 } } : event);
          }));
        },
      });
    }""")
    assert run(page)["code"] == "audio_lost"


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ("(stream) => stream.getTracks()[0].dispatchEvent(new Event('ended'))", "microphone_lost"),
        ("(stream, context) => context.suspend()", "capture_interrupted"),
    ],
)
def test_a_microphone_that_goes_away_ends_the_attempt(page: Page, harm: str, code: str) -> None:
    ScriptedServer().on(page)
    answer = page.evaluate(
        """async () => {
          const harm = HARM;
          let stream, context, frames = 0;
          const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
          navigator.mediaDevices.getUserMedia = async (wanted) => (stream = await ask(wanted));
          window.AudioContext = class extends AudioContext {
            constructor(options) { super(options); context = this; }
          };
          const { VoiceSession } = await import("/streamauth.js");
          const session = new VoiceSession({ mode: "verify", name: "ada" });
          session.addEventListener("input", () => ++frames === 3 && harm(stream, context));
          return session.run().catch((error) => error.code);
        }""".replace("HARM", harm)
    )
    assert answer == code


def test_a_server_that_falls_silent_is_not_waited_for_without_end(page: Page) -> None:
    ScriptedServer().on(page)
    assert run(page, maxSilence_s=1)["code"] == "server_silent"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"type": "ready", "version": 2, "limits": {}}, "unsupported_version"),
        ({"type": "error", "at_s": 0.0, "code": "unauthorized", "message": "A valid token is needed."}, "unauthorized"),
    ],
)
def test_a_server_that_is_not_ready(page: Page, answer: dict[str, Any], code: str) -> None:
    ScriptedServer(refusal=answer).on(page)
    assert run(page)["code"] == code


def test_messages_of_unknown_types_are_ignored(page: Page) -> None:
    ScriptedServer([(1, {"type": "of_next_year"}), (2, decision("accept", "voice_match"))]).on(page)
    assert run(page)["outcome"]["decision"] == "accept"


def test_a_continuous_session_ends_with_its_last_decision(page: Page) -> None:
    first, then = decision("accept", "voice_match"), decision("reject", "voice_mismatch")
    server = ScriptedServer([(2, first), (4, then)], closes=False).on(page)
    answer = page.evaluate(
        """async () => {
          const { VoiceSession } = await import("/streamauth.js");
          const session = new VoiceSession({ mode: "continuous", name: "ada" });
          let count = 0;
          session.addEventListener("decision", () => ++count === 2 && session.end());
          return await session.run();
        }"""
    )
    assert answer["decision"] == "reject"
    assert server.controls == ["start", "end"]


def test_every_reason_of_the_server_has_a_sentence(page: Page) -> None:
    known = page.evaluate("""async () => Object.keys((await import("/streamauth.js")).REASONS)""")
    assert set(known) == {reason.value for reason in Reason}


def test_codes_of_the_browser_that_the_server_has_too_mean_the_same(page: Page) -> None:
    sentences = page.evaluate("""async () => ({ ...(await import("/streamauth.js")).SENTENCES })""")
    shared = {error.code for error in all_errors()} & set(sentences)
    assert shared == {
        "bad_message",
        "microphone_busy",
        "server_unreachable",
        "session_interrupted",
        "unsupported_sample_rate",
        "unsupported_version",
    }


def test_the_example_of_the_documentation_signs_in_from_another_origin(page: Page, site: str, tmp_path: Path) -> None:
    document = (Path(__file__).parents[2] / "docs" / "browser.md").read_text("utf-8")
    example = "<!doctype" + document.split("```html\n<!doctype")[1].split("```")[0].replace(
        "https://voice.example/", site
    )
    server = ScriptedServer([(0, PROMPT), (2, SIGNED), (2, decision("accept", "voice_match"))])
    asked: list[str | None] = []

    def backend(route: Route) -> None:
        asked.append(route.request.post_data)
        route.fulfill(json={"token": "one-use"} if route.request.url.endswith("begin") else {"signed_in": "ada"})

    # a server of its own: a browser lets no page from elsewhere load scripts from this machine
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "index.html").write_text(example, "utf-8")
    with static_server(folder) as origin, opened(browser_of(page), "about:blank") as shop:
        shop.route("**/favicon.ico", lambda route: route.fulfill(status=204))
        for path in ("begin", "finish"):
            shop.route(f"{origin}{path}", backend)
        server.on(shop)
        shop.goto(origin)
        shop.click("#speak")
        shop.wait_for_selector("#say:text-is('Hello, ada.')")
    assert [json.loads(body or "") for body in asked] == [{"name": "ada"}, {"verdict": SIGNED["token"]}]
    assert server.starts[0].token == "one-use"


def test_the_documentation_names_every_option_and_error() -> None:
    document = (Path(__file__).parents[2] / "docs" / "browser.md").read_text("utf-8")
    folder = Path(__file__).parents[2] / "streamauth" / "server" / "page"
    codes = re.findall(r"^  (\w+):\s", (folder / "errors.js").read_text("utf-8"), re.MULTILINE)
    options = re.findall(r"@property \{.*\} \[?(\w+)", (folder / "streamauth.js").read_text("utf-8"))
    assert len(codes) > 15
    assert len(options) > 10
    assert [name for name in codes + options if f"`{name}`" not in document] == []


def browser_of(page: Page) -> Browser:
    browser = page.context.browser
    assert browser is not None
    return browser
