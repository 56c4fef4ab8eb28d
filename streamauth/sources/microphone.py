"""The microphone, by PortAudio.

Data path: **sound card** -> bounded queue -> PcmDecoder -> Resampler.
"""

import queue
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from numpy.typing import NDArray

from streamauth.core.audio.pcm import AudioFormat, Encoding
from streamauth.core.ports import SAMPLE_RATE_HZ
from streamauth.errors import MicrophoneUnavailable, UnsupportedSampleRate
from streamauth.sources import CHUNKS_PER_S

_DTYPES = {Encoding.S16LE: "int16", Encoding.F32LE: "float32"}


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
        max_queue_s: Audio that may wait for the reader; more is lost.
        stall_s: Silence of the device itself after which it counts as gone.

    Raises:
        MicrophoneUnavailable: No PortAudio, no such device, more than one of that name, or it cannot be opened.
    """

    def __init__(
        self,
        device: str | int | None = None,
        wanted: AudioFormat = AudioFormat(SAMPLE_RATE_HZ, 1, Encoding.F32LE),  # noqa: B008 - frozen
        on_overflow: Callable[[], None] | None = None,
        *,
        max_queue_s: float = 10.0,
        stall_s: float = 3.0,
    ) -> None:
        self._sounddevice = _sounddevice()
        self.device = _choose(list_devices(), device)
        self.format = self._supported(wanted)
        self.overflows = 0
        self._told = 0
        self._on_overflow = on_overflow
        self._stall_s = stall_s
        self._max_waiting = max(1, round(max_queue_s * CHUNKS_PER_S))
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
                blocksize=self.format.sample_rate_hz // CHUNKS_PER_S,
                callback=self._take,
                finished_callback=lambda: self._queue.put(None),
            )
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            self.close()
            raise MicrophoneUnavailable(
                f"The microphone cannot be opened ({error}). Is another program using it?"
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
        """PCM in ``format``, 100 ms at a time.

        Raises:
            MicrophoneUnavailable: The device is gone.
        """
        while True:
            try:
                chunk = self._queue.get(timeout=self._stall_s)
            except queue.Empty:
                chunk = None
            if chunk is None:
                if self._closed:
                    return
                raise MicrophoneUnavailable("The microphone gives no more audio. Was it unplugged?")
            if self.overflows > self._told:
                self._told = self.overflows
                if self._on_overflow is not None:
                    self._on_overflow()
            yield chunk

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
        raise MicrophoneUnavailable("The microphone offers neither one nor two channels at 8 to 48 kHz.")


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


def _choose(devices: list[InputDevice], wanted: str | int | None) -> InputDevice:
    if not devices:
        raise MicrophoneUnavailable("There is no microphone on this computer, or no permission to use it.")
    if wanted is None:
        return next((device for device in devices if device.is_default), devices[0])
    if isinstance(wanted, int) or wanted.isdecimal():
        matching = [device for device in devices if device.number == int(wanted)]
    else:
        name = wanted.casefold()
        matching = [device for device in devices if device.name.casefold() == name]
        matching = matching or [device for device in devices if name in device.name.casefold()]
    if not matching:
        raise MicrophoneUnavailable(f"There is no such microphone. {_menu(devices)}")
    if len(matching) > 1:
        raise MicrophoneUnavailable(f"More than one microphone has this name. {_menu(matching)}")
    return matching[0]


def _menu(devices: list[InputDevice]) -> str:
    # without names: people name their headsets after themselves
    numbers = ", ".join(str(device.number) for device in devices)
    return f"Choose by number: {numbers}. `streamauth doctor` shows their names."
