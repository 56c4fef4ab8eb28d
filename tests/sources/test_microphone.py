import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streamauth.core.audio.pcm import AudioFormat, Encoding, PcmDecoder
from streamauth.errors import MicrophoneBusy, MicrophoneUnavailable
from streamauth.sources.microphone import InputDevice, Microphone, list_devices


class PortAudioError(Exception):
    pass


class FakeStream:
    """Plays the sound card: a thread that fills one and the same buffer and calls back."""

    def __init__(self, card: "FakeSoundDevice", settings: dict[str, Any]) -> None:
        card.check_input_settings(**{key: settings[key] for key in ("device", "samplerate", "channels", "dtype")})
        self.card = card
        self.settings = settings
        self.closed = False
        self.thread = threading.Thread(target=self._run)

    def start(self) -> None:
        if self.card.start_error is not None:
            raise self.card.start_error
        self.thread.start()

    def close(self, ignore_errors: bool) -> None:
        assert ignore_errors
        assert not self.closed, "closed twice"
        self.closed = True
        self.card.go_on.set()
        if self.thread.ident is not None:
            self.thread.join()

    def _run(self) -> None:
        size, channels = self.settings["blocksize"], self.settings["channels"]
        buffer = np.zeros((size, channels), self.settings["dtype"])
        for number in range(self.card.blocks):
            if not self.card.muted:
                buffer[:] = number + 1 if buffer.dtype.kind == "i" else (number + 1) / 100
            self.settings["callback"](buffer, size, None, SimpleNamespace(input_overflow=number in self.card.overflows))
        buffer[:] = 0
        self.card.all_given.set()
        if not self.card.unplugged:
            self.card.go_on.wait()
        self.settings["finished_callback"]()


class FakeSoundDevice(ModuleType):
    """Stands in for the package: devices, what they offer, and what they record."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.devices: list[dict[str, Any]] = []
        self.rates: tuple[int, ...] = (16_000, 44_100)
        self.channels: tuple[int, ...] = (1, 2)
        self.default = SimpleNamespace(device=[-1, -1])
        self.streams: list[FakeStream] = []
        self.blocks = 3
        self.muted = False
        self.overflows: set[int] = set()
        self.unplugged = False
        self.start_error: PortAudioError | None = None
        self.broken = False
        self.all_given = threading.Event()
        self.go_on = threading.Event()

    def add(self, name: str, inputs: int = 2, rate: float = 44_100.0) -> None:
        self.devices.append({"name": name, "hostapi": 0, "max_input_channels": inputs, "default_samplerate": rate})

    def query_hostapis(self) -> tuple[dict[str, str], ...]:
        if self.broken:
            raise PortAudioError("broken")
        return ({"name": "ALSA"},)

    def query_devices(self) -> list[dict[str, Any]]:
        return self.devices

    def check_input_settings(self, *, device: int, channels: int, dtype: str, samplerate: int) -> None:
        if samplerate not in self.rates or channels not in self.channels:
            raise PortAudioError("Invalid sample rate or number of channels")

    def InputStream(self, **settings: Any) -> FakeStream:
        stream = FakeStream(self, settings)
        self.streams.append(stream)
        return stream


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSoundDevice]:
    fake = FakeSoundDevice()
    fake.add("HDA Intel PCH", 2)
    fake.add("HDMI", 0)
    fake.add("USB Headset", 1, 48_000.0)
    fake.add("USB Camera", 2, 32_000.0)
    fake.default.device[0] = 2
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    yield fake
    assert all(stream.closed for stream in fake.streams)


def first_values(chunks: list[bytes]) -> list[float]:
    return [round(float(np.frombuffer(chunk, "<f4")[0]), 6) for chunk in chunks]


# --- devices ------------------------------------------------------------------------------------------------


def test_devices_that_can_record(card: FakeSoundDevice) -> None:
    assert list_devices() == [
        InputDevice(0, "HDA Intel PCH", "ALSA", 2, 44_100, is_default=False),
        InputDevice(2, "USB Headset", "ALSA", 1, 48_000, is_default=True),
        InputDevice(3, "USB Camera", "ALSA", 2, 32_000, is_default=False),
    ]


def test_no_device(card: FakeSoundDevice) -> None:
    card.devices.clear()
    assert list_devices() == []
    with pytest.raises(MicrophoneUnavailable, match="no microphone on this computer"):
        Microphone()


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 2), (0, 0), (3, 3), ("3", 3), ("camera", 3), ("HDA", 0), ("usb headset", 2)],
)
def test_choice(card: FakeSoundDevice, wanted: str | int | None, number: int) -> None:
    assert Microphone(wanted).device.number == number


def test_first_device_where_the_system_names_no_default(card: FakeSoundDevice) -> None:
    card.default.device[0] = -1
    assert Microphone().device.number == 0


def test_whole_name_wins_over_a_part(card: FakeSoundDevice) -> None:
    card.add("USB Headset Pro")
    assert Microphone("USB Headset").device.number == 2


def test_ambiguous_name(card: FakeSoundDevice) -> None:
    with pytest.raises(MicrophoneUnavailable, match=r"More than one microphone .* by number: 2, 3"):
        Microphone("usb")


@pytest.mark.parametrize("wanted", ["Neumann", 1, 9, -1, "1"])
def test_unknown_device(card: FakeSoundDevice, wanted: str | int) -> None:
    with pytest.raises(MicrophoneUnavailable, match=r"no such microphone.* by number: 0, 2, 3"):
        Microphone(wanted)


def test_portaudio_does_not_work(card: FakeSoundDevice) -> None:
    card.broken = True
    with pytest.raises(MicrophoneUnavailable, match="PortAudio does not work"):
        list_devices()


# --- format -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "channels", "rate", "opened_with"),
    [
        ((16_000, 44_100), (1, 2), 16_000, 1),
        ((44_100, 48_000), (1,), 48_000, 1),
        ((44_100,), (1,), 44_100, 1),
        ((16_000,), (2,), 16_000, 2),
    ],
)
def test_nearest_format_that_is_offered(
    card: FakeSoundDevice, rates: tuple[int, ...], channels: tuple[int, ...], rate: int, opened_with: int
) -> None:
    card.rates, card.channels = rates, channels
    with Microphone() as microphone:
        assert microphone.format == AudioFormat(rate, opened_with, Encoding.F32LE)
    settings = card.streams[0].settings
    assert (settings["samplerate"], settings["channels"], settings["dtype"]) == (rate, opened_with, "float32")
    assert settings["blocksize"] == rate // 10


@pytest.mark.parametrize(("rates", "channels"), [((384_000,), (1, 2)), ((16_000, 48_000), (4,))])
def test_no_format_of_use(card: FakeSoundDevice, rates: tuple[int, ...], channels: tuple[int, ...]) -> None:
    card.add("Studio", 8, 96_000.0)
    card.rates, card.channels = rates, channels
    with pytest.raises(MicrophoneUnavailable, match="8 to 192 kHz"):
        Microphone("Studio")


def test_another_format_can_be_asked_for(card: FakeSoundDevice) -> None:
    with Microphone(0, AudioFormat(44_100, 2, Encoding.S16LE)) as microphone:
        chunk = next(iter(microphone))
    assert len(chunk) == 4_410 * 2 * 2
    assert PcmDecoder(microphone.format).feed(chunk)[0] == np.float32(1 / 32768)


# --- recording ----------------------------------------------------------------------------------------------


def test_known_samples_arrive_in_order(card: FakeSoundDevice) -> None:
    card.blocks = 20
    with Microphone() as microphone:
        chunks = list(itertools.islice(microphone, 20))
    assert first_values(chunks) == [round(number / 100, 6) for number in range(1, 21)]
    assert all(len(chunk) == 1_600 * 4 and np.ptp(np.frombuffer(chunk, "<f4")) == 0 for chunk in chunks)
    samples = np.concatenate([PcmDecoder(microphone.format).feed(chunk) for chunk in chunks])
    assert samples.size == 32_000
    assert microphone.overflows == 0


def test_overflow_in_the_system_is_told_before_the_next_chunk(card: FakeSoundDevice) -> None:
    card.blocks, card.overflows = 5, {1, 3}
    told: list[int] = []
    with Microphone(on_overflow=lambda: told.append(microphone.overflows)) as microphone:
        card.all_given.wait(5)
        assert told == []
        chunks = list(itertools.islice(microphone, 5))
    assert told == [2]
    assert microphone.overflows == 2
    assert len(chunks) == 5


def test_slow_reader_loses_the_newest_and_is_told(card: FakeSoundDevice) -> None:
    card.blocks = 12
    told: list[str] = []
    with Microphone(on_overflow=lambda: told.append("lost"), max_queue_s=0.5) as microphone:
        card.all_given.wait(5)
        chunks = list(itertools.islice(microphone, 5))
    assert first_values(chunks) == [0.01, 0.02, 0.03, 0.04, 0.05]
    assert microphone.overflows == 7
    assert told == ["lost"]


def test_overflow_without_a_listener_is_counted(card: FakeSoundDevice) -> None:
    card.overflows = {0}
    with Microphone() as microphone:
        next(iter(microphone))
    assert microphone.overflows == 1


def test_unplugged(card: FakeSoundDevice) -> None:
    card.unplugged = True
    with Microphone() as microphone:
        chunks = iter(microphone)
        assert first_values(list(itertools.islice(chunks, 3))) == [0.01, 0.02, 0.03]
        with pytest.raises(MicrophoneUnavailable, match="unplugged"):
            next(chunks)


def test_a_device_that_falls_silent_without_a_word(card: FakeSoundDevice) -> None:
    with Microphone(stall_s=0.05, start_s=0.05) as microphone, pytest.raises(MicrophoneUnavailable, match="unplugged"):
        list(microphone)


def test_closing_ends_the_iteration(card: FakeSoundDevice) -> None:
    with Microphone() as microphone:
        chunks = iter(microphone)
        heard = list(itertools.islice(chunks, 3))
        # now it waits for more
        closer = threading.Timer(0.05, microphone.close)
        closer.start()
        heard += chunks
        closer.join()
    assert len(heard) == 3


def test_closing_leaves_what_waits(card: FakeSoundDevice) -> None:
    with Microphone() as microphone:
        card.all_given.wait(5)
    assert len(list(microphone)) == 3
    microphone.close()


@pytest.mark.parametrize("stage", ["open", "start"])
def test_device_in_use(card: FakeSoundDevice, stage: str) -> None:
    microphone = Microphone()
    if stage == "open":
        card.rates = ()
    else:
        card.start_error = PortAudioError("Device unavailable")
    with pytest.raises(MicrophoneUnavailable, match=r"cannot be opened .* another program"):
        microphone.__enter__()


def test_device_of_another_program(card: FakeSoundDevice) -> None:
    microphone = Microphone()
    card.start_error = PortAudioError("Device unavailable", -9985)
    with pytest.raises(MicrophoneBusy):
        microphone.__enter__()


def test_zeros_from_the_begin_are_told_once(card: FakeSoundDevice) -> None:
    card.blocks, card.muted = 12, True
    told: list[str] = []
    with Microphone(on_muted=lambda: told.append("muted")) as microphone:
        list(itertools.islice(microphone, 12))
    assert told == ["muted"]


def test_zeros_later_are_a_pause(card: FakeSoundDevice) -> None:
    card.blocks = 12
    told: list[str] = []
    with Microphone(on_muted=lambda: told.append("muted")) as microphone:
        list(itertools.islice(microphone, 12))
    assert told == []


# --- the real package ---------------------------------------------------------------------------------------


def run(code: str, folder: Path | None = None) -> str:
    """What a fresh process prints for the error it meets."""
    script = (
        "import sys\n"
        f"sys.path[:0] = {[str(folder)] if folder else []}\n"
        "from streamauth.sources.microphone import Microphone, list_devices\n"
        "assert 'sounddevice' not in sys.modules\n"
        f"try: {code}\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout


@pytest.mark.system
def test_portaudio_is_missing(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    told = run("list_devices()", tmp_path)
    assert told.startswith("MicrophoneUnavailable PortAudio is missing.")
    assert "libportaudio2" in told
    assert "brew install portaudio" in told


@pytest.mark.system
def test_the_real_package_with_no_such_device() -> None:
    """Holds with and without a sound card, and without PortAudio."""
    told = run("Microphone('no device has this name')")
    assert told.startswith(("MicrophoneUnavailable ", "MicrophoneAbsent ", "MicrophoneBusy "))
