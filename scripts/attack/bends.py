"""Bending of what was well formed: bytes, objects of JSON, audio files and the frames of a stream."""

import base64
import io
import json
import random
import wave
from collections.abc import Sequence
from typing import Any

from scripts.attack.odd import MARK, ODD_TEXTS, ODD_VALUES


class Bends:
    """Ways to bend things.

    Args:
        rng: Where the choices come from.
        ids: Of profiles.
    """

    def __init__(self, rng: random.Random, ids: Sequence[str]) -> None:
        self._rng = rng
        self._ids = ids

    def text(self) -> str:
        """An odd text, or an id that somebody may have."""
        return self._rng.choice((*ODD_TEXTS, *self._ids, MARK, MARK + str(self._rng.randrange(100))))

    def data(self, data: bytes, times: int) -> bytes:
        """Bytes with up to so many faults."""
        rng = self._rng
        bent = bytearray(data)
        for _ in range(rng.randint(1, times)):
            at = rng.randrange(len(bent) + 1)
            match rng.randrange(5):
                case 0:
                    del bent[at : at + rng.choice((1, 2, 50))]
                case 1:
                    bent[at:at] = rng.choice((b"\0", b"\xff", b"\r\n", b'"', b"{", b"%", rng.randbytes(3)))
                case 2 if bent:
                    bent[min(at, len(bent) - 1)] ^= 1 << rng.randrange(8)
                case 3:
                    bent[at:at] = bent[max(0, at - 20) : at]
                case _:
                    bent[at : at + 1] = bytes([rng.randrange(256)])
        return bytes(bent)

    def object(self, value: dict[str, Any]) -> dict[str, Any]:
        """An object with fields gone, added, or of other values."""
        rng = self._rng
        bent = dict(value)
        for _ in range(rng.choice((1, 1, 2))):
            key = rng.choice(tuple(bent) or ("x",))
            match rng.randrange(5):
                case 0:
                    bent.pop(key, None)
                case 1:
                    bent[rng.choice((MARK, "type", "", "__proto__", key.upper()))] = rng.choice(ODD_VALUES)
                case 2 if isinstance(bent.get(key), dict):
                    bent[key] = self.object(bent[key])
                case 3:
                    bent[key] = self.text()
                case _:
                    bent[key] = rng.choice(ODD_VALUES)
        return bent

    def file(self, file: bytes) -> bytes:
        """An audio file that is cut, wrong in its head, or another altogether."""
        rng = self._rng
        match rng.randrange(8):
            case 0:
                return file[: rng.randrange(len(file))]
            case 1:
                return file[: rng.choice((4, 12, 20, 36, 44, 60, 200))]
            case 2:
                return base64.b64encode(file[:3000])
            case 3:
                head = self.data(file[:80], 4)
                return head + file[80:]
            case 4:
                return self.data(file, rng.choice((1, 20)))
            case 5:
                return rng.choice(
                    (b"", b"\0" * 999, b"RIFF\xff\xff\xff\xffWAVE", b"fLaC" + b"\xff" * 99, rng.randbytes(300))
                )
            case 6:
                at = rng.randrange(min(len(file), 4000))
                return file[:at] + rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff")) + file[at + 4 :]
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as writer:
            writer.setnchannels(rng.choice((1, 1, 2, 8, 9, 200)))
            writer.setsampwidth(rng.choice((1, 2, 3, 4)))
            writer.setframerate(rng.choice((1, 4000, 8000, 44_100, 192_000, 400_000)))
            writer.writeframes(rng.randbytes(rng.choice((0, 24, 4800))))
        return buffer.getvalue()

    def frames(self, frames: list[str | bytes]) -> None:
        """Bend the frames of a stream in one place."""
        rng = self._rng
        at = rng.randrange(len(frames) + 1)
        frame = frames[min(at, len(frames) - 1)] if frames else b""
        match rng.randrange(9):
            case 0:
                frames.insert(at, rng.randbytes(rng.choice((0, 1, 3, 319, 5000, 250_000))))
            case 1:
                frames.insert(at, json.dumps(rng.choice((*ODD_VALUES, {"type": MARK}, {"type": None}))))
            case 2 if frames:
                frames.pop(min(at, len(frames) - 1))
            case 3:
                frames.insert(at, frame)
            case 4:
                rng.shuffle(frames)
            case 5 if isinstance(frame, str) and frame.startswith("{"):
                frames[min(at, len(frames) - 1)] = json.dumps(self.object(_object(frame)))
            case 6 if isinstance(frame, str):
                frames[min(at, len(frames) - 1)] = self.data(frame.encode(), 3).decode("utf-8", "replace")
            case 7:
                frames[at:] = []
            case _:
                frames.insert(
                    at, json.dumps({"type": rng.choice(("end", "start", "cancel", "end_utterance", "ready"))})
                )


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {}
