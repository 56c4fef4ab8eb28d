"""Audio files as people send them: bodies, forms, wrong content types."""

from base64 import b64encode
from gzip import compress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.server.rig import ADA, BOB, PHRASE, Watched, server, spoken
from tests.server.web import Web, key_of, wav


def form(*fields: tuple[str, bytes], boundary: str = "----x") -> bytes:
    """A form of fields with these headers and contents."""
    parts = [f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + b for head, b in fields]
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])


FORM = "multipart/form-data; boundary=----x"
FILE = 'name="file"; filename="a.wav"'


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (FILE, FORM),
        ("name=audio; filename=a.wav", FORM),
        ('name="file"', FORM),
        ("name=\"x\"; filename*=UTF-8''a%20b.wav\r\nContent-Type: audio/wav", FORM),
        (FILE, 'multipart/form-data; charset=utf-8; boundary="----x"'),
        (FILE, "multipart/form-data"),
        (FILE, "application/json"),
        (FILE, "audio/wav"),
        (FILE, ""),
    ],
)
def test_a_form_with_a_file(running: tuple[str, Watched], head: str, content_type: str) -> None:
    web = Web(running[0])
    body = form(('name="note"', b"hello"), (head, wav(spoken(PHRASE, ADA))))
    path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
    assert web("POST", path, body, **{"Content-Type": content_type}).json["decision"] == "accept"


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", "image/png", "audio/mpeg", "nonsense", ""])
def test_the_body_goes_before_its_content_type(running: tuple[str, Watched], content_type: str) -> None:
    web = Web(running[0])
    path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
    answer = web("POST", path, wav(spoken(PHRASE, ADA)), **{"Content-Type": content_type})
    assert answer.json["decision"] == "accept"


@pytest.mark.parametrize(
    ("content_type", "body", "sentence"),
    [
        (FORM, form(('name="note"', b"hello")), "The form holds no file"),
        (FORM, form((FILE, b"RIFF"), (FILE, b"RIFF")), "several files"),
        (FORM, form(*[('name="note"', b"x")] * 17), "more than 16 fields"),
        (FORM, b"------x\r\nno header", "form is broken"),
        (FORM, b"", "form holds no file"),
        (FORM, form((FILE, b"no audio")), "no audio file of a known"),
        ("application/json", b'{"audio": "UklGRg=="}', "The body is JSON"),
        ("text/plain", b64encode(wav(bytes(32_000))), "Base64"),
        ("text/plain", b"data:audio/wav;base64," + b64encode(wav(bytes(32_000))), "Base64"),
        ("application/x-www-form-urlencoded", b"RIFF broken", "curl -d"),
        ("audio/wav", compress(wav(bytes(32_000))), "a gzip file"),
        ("audio/wav", form((FILE, b"RIFF"), (FILE, b"RIFF")), "several files"),
        ("audio/L16;rate=16000", b"\x01\x02" * 9_000, "-f mulaw -ar 8000 -ac 1"),
        ("audio/basic", b"\xff\x7e" * 9_000, "-f mulaw -ar 8000 -ac 1"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else value,
)
def test_what_holds_no_audio_is_told_with_what_to_do(
    running: tuple[str, Watched], content_type: str, body: bytes, sentence: str
) -> None:
    url, watched = running
    path = f"/v1/profiles/{Web(url).profile_id('ada')}/verifications"
    answer = Web(url)("POST", path, body, **{"Content-Type": content_type})
    assert answer.status == 400
    assert sentence in answer.json["error"]["message"]
    assert watched.failures("ada") == 0, "nothing was compared"


def test_one_channel_of_several(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        voice = np.frombuffer(spoken(PHRASE, ADA), "<i2")
        stranger = np.frombuffer(spoken(PHRASE, BOB), "<i2")
        length = min(voice.size, stranger.size)
        file = BytesIO()
        soundfile.write(file, np.stack([stranger[:length], voice[:length]], 1), 16_000, format="WAV")
        path = f"/v1/profiles/{web.profile_id('ada')}/verifications"
        assert web("POST", f"{path}?channel=2", file.getvalue()).json["decision"] == "accept"
        assert web("POST", f"{path}?channel=1", file.getvalue()).json["decision"] == "reject"
        assert web("POST", f"{path}?channel=3", file.getvalue()).code == "unsupported_audio_format"
