"""The microphone, by PortAudio.

Data path: **sound card** -> bounded queue -> PcmDecoder -> Resampler.
"""

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import (
    MicrophoneAbsent,
    MicrophoneBusy,
    MicrophoneFormat,
    MicrophoneUnavailable,
    MicrophoneUnplugged,
    UnsupportedSampleRate,
)
from streamauth.sources import CHUNKS_PER_S

_UNAVAILABLE = -9985  # PortAudio's code for a device that another program holds
_DTYPES = {Encoding.S16LE: "int16", Encoding.F32LE: "float32"}
_MUTED_S = 0.8


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A device that can record.

    Attributes:
        number: By which PortAudio knows it until the next start.
        name: As the system calls it.
        api: The sound system that offers it.
        channels: The most channels.
        default_rate_hz: The rate that the device prefers.
        is_default: Whether it is taken when no device is named.
    """

    number: int
    name: str
    api: str
    channels: int
    default_rate_hz: int
    is_default: bool


def list_devices() -> list[InputDevice]:
    """All devices that can record; may be empty.

    Raises:
        MicrophoneUnavailable: PortAudio is missing or does not work.
    """
    sounddevice = _sounddevice()
    try:
        apis = sounddevice.query_hostapis()
        default = sounddevice.default.device[0]
        return [
            InputDevice(
                number=number,
                name=info["name"],
                api=apis[info["hostapi"]]["name"],
                channels=info["max_input_channels"],
                default_rate_hz=round(info["default_samplerate"]),
                is_default=number == default,
            )
            for number, info in enumerate(sounddevice.query_devices())
            if info["max_input_channels"] > 0
        ]
    except sounddevice.PortAudioError as error:
        raise MicrophoneUnavailable(f"PortAudio does not work ({error}).") from None


def refresh_devices() -> None:
    """Look again which devices there are; PortAudio itself does so once. No stream may be open in this process.

    Raises:
        MicrophoneUnavailable: PortAudio is missing or does not work.
    """
    sounddevice = _sounddevice()
    try:
        sounddevice._terminate()
        sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise MicrophoneUnavailable(f"PortAudio does not work ({error}).") from None


class Microphone:
    """Records from a device. Use as a context manager; iterate until it is closed.

    Attributes:
        device: The device in use.
        format: What the bytes are: what was asked for, or the device's own rate or channels where it does not offer
            that.
        overflows: How often audio was lost so far, because the system or the reader was too slow.

    Args:
        device: A number, a name, or a part of one in any case; the default device if None.
        wanted: Format to ask for.
        on_overflow: Called by the reader's thread, before the next chunk, after audio was lost.
        on_muted: Called by it when the audio is nothing but zeros for 0.8 s from the begin on. Some sound servers give
            zeros in each silence, so that it need not be an error.
        max_queue_s: Audio that may wait for the reader; more is lost.
        start_s: Time that the device may take to begin, in seconds; sound servers take some.
        stall_s: Silence of the device itself after which it counts as gone, in seconds.
        chunks_per_s: How often audio is given; the more often, the sooner a decision.

    Raises:
        MicrophoneAbsent: There is no such device.
        MicrophoneBusy: Another program uses it.
        MicrophoneFormat: It offers no format of use.
        MicrophoneUnavailable: No PortAudio, more than one device of that name, or it cannot be opened.
    """

    def __init__(
        self,
        device: str | int | None = None,
        wanted: AudioFormat = AudioFormat(SAMPLE_RATE_HZ, 1, Encoding.F32LE),  # noqa: B008 - frozen
        on_overflow: Callable[[], None] | None = None,
        *,
        on_muted: Callable[[], None] | None = None,
        max_queue_s: float = 10.0,
        start_s: float = 3.0,
        stall_s: float = 0.9,
        chunks_per_s: int = CHUNKS_PER_S,
    ) -> None:
        self._sounddevice = _sounddevice()
        self.device = choose_device(list_devices(), device)
        self.format = self._supported(wanted)
        self.overflows = 0
        self._told = 0
        self._on_overflow = on_overflow
        self._on_muted = on_muted
        self._chunks_per_s = chunks_per_s
        self._zeros_left = max(1, round(_MUTED_S * chunks_per_s))
        self._start_s, self._stall_s = start_s, stall_s
        self._max_waiting = max(1, round(max_queue_s * chunks_per_s))
        # not bounded by itself: its end must find room in it, always
        self._queue: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stream: Any = None
        self._closed = False

    def __enter__(self) -> Self:
        try:
            self._stream = self._sounddevice.InputStream(
                device=self.device.number,
                samplerate=self.format.sample_rate_hz,
                channels=self.format.channels,
                dtype=_DTYPES[self.format.encoding],
                blocksize=self.format.sample_rate_hz // self._chunks_per_s,
                callback=self._take,
                finished_callback=lambda: self._queue.put(None),
            )
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            self.close()
            if len(error.args) > 1 and error.args[1] == _UNAVAILABLE:
                raise MicrophoneBusy from None
            raise MicrophoneUnavailable(
                f"The microphone cannot be opened ({error}). Is another program using it?"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop recording; whoever iterates gets what waits and then the end. Idempotent, for any thread."""
        self._closed = True
        stream, self._stream = self._stream, None
        if stream is not None:
            # a device that is gone cannot be stopped; closing it gives back what is left
            stream.close(ignore_errors=True)
        self._queue.put(None)

    def __iter__(self) -> Iterator[bytes]:
        """PCM in ``format``, 100 ms at a time or as was asked for.

        Raises:
            MicrophoneUnplugged: The device is gone.
        """
        patience_s = self._start_s
        while True:
            try:
                chunk = self._queue.get(timeout=patience_s)
            except queue.Empty:
                chunk = None
            if chunk is None:
                if self._closed:
                    return
                raise MicrophoneUnplugged
            patience_s = self._stall_s
            self._watch_zeros(chunk)
            if self.overflows > self._told:
                self._told = self.overflows
                if self._on_overflow is not None:
                    self._on_overflow()
            yield chunk

    def _watch_zeros(self, chunk: bytes) -> None:
        if self._zeros_left:
            self._zeros_left = 0 if any(chunk) else self._zeros_left - 1
            if not self._zeros_left and not any(chunk) and self._on_muted is not None:
                self._on_muted()

    def _take(self, indata: NDArray[Any], frames: int, time: object, status: Any) -> None:
        """Called by PortAudio's thread, which must not wait and writes into ``indata`` again."""
        full = self._queue.qsize() >= self._max_waiting
        if status.input_overflow or full:
            self.overflows += 1
        if not full:
            self._queue.put(indata.tobytes())

    def _supported(self, wanted: AudioFormat) -> AudioFormat:
        """The wanted format, else the nearest that the device offers."""
        rates_hz = dict.fromkeys((wanted.sample_rate_hz, self.device.default_rate_hz, 48_000, 44_100))
        for rate_hz in rates_hz:
            for channels in dict.fromkeys((wanted.channels, 1, 2)):
                try:
                    self._sounddevice.check_input_settings(
                        device=self.device.number,
                        channels=channels,
                        dtype=_DTYPES[wanted.encoding],
                        samplerate=rate_hz,
                    )
                    return AudioFormat(rate_hz, channels, wanted.encoding)
                except (self._sounddevice.PortAudioError, UnsupportedSampleRate):
                    continue
        raise MicrophoneFormat


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError:
        # what the package raises when it does not find the library
        raise MicrophoneUnavailable(
            "PortAudio is missing. Install it: `apt install libportaudio2` on Debian and Ubuntu, "
            "`brew install portaudio` on macOS."
        ) from None
    return sounddevice


def choose_device(devices: list[InputDevice], wanted: str | int | None) -> InputDevice:
    """The device of a number, a name or a part of one; the default one if None.

    Raises:
        MicrophoneAbsent: There is none.
        MicrophoneBusy: There is none in the list, and some program records.
        MicrophoneUnavailable: More than one has this name.
    """
    if not devices:
        if _recording():
            raise MicrophoneBusy
        raise MicrophoneAbsent("There is no microphone on this computer, or no permission to use it.")
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if isinstance(wanted, int) or wanted.isdecimal():
        matching = [device for device in devices if device.number == int(wanted)]
    else:
        name = wanted.casefold()
        matching = [device for device in devices if device.name.casefold() == name]
        matching = matching or [device for device in devices if name in device.name.casefold()]
    if not matching:
        if _recording():
            raise MicrophoneBusy
        raise MicrophoneAbsent(f"There is no such microphone. {_menu(devices)}")
    if len(matching) > 1:
        raise MicrophoneUnavailable(f"More than one microphone has this name. {_menu(matching)}")
    return matching[0]


def _recording() -> bool:
    """Whether a program records from a sound card of this machine: PortAudio leaves such devices out of its list."""
    states = Path("/proc/asound").glob("card*/pcm*c/sub*/status")
    return any(not state.read_text(errors="replace").startswith("closed") for state in states)


def _menu(devices: list[InputDevice]) -> str:
    # without names: people name their headsets after themselves
    numbers = ", ".join(str(device.number) for device in devices)
    return f"Choose by number: {numbers}. `streamauth microphones list` shows their names."
