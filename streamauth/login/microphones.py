"""The microphone of logins: chosen by name, or automatically with a reason that can be told."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from streamauth.login.voices import MicrophoneChoice, OpenMicrophone
from streamauth.sources.microphone import InputDevice, Microphone, choose_device, list_devices, refresh_devices

_CHUNKS_PER_S = 33  # a verdict comes 35 ms sooner than with the usual 10
_SERVERS = ("pulse", "pipewire", "jack", "default", "sysdefault")


class AlsaMicrophones:
    """The machine's sound cards, by PortAudio. See ``Microphones``.

    The list is made anew for each login, so that a microphone that is plugged in later is found.

    Args:
        wanted: Gives the name that was set, empty for the automatic choice.
    """

    def __init__(self, wanted: Callable[[], str]) -> None:
        self._wanted = wanted

    def open(self) -> AbstractContextManager[OpenMicrophone]:
        """See ``Microphones``."""
        refresh_devices()
        device, _ = choose_for_login(list_devices(), self._wanted())
        return Microphone(device.number, chunks_per_s=_CHUNKS_PER_S)

    def check(self, name: str) -> None:
        """See ``Microphones``."""
        refresh_devices()
        choose_device(list_devices(), name)

    def described(self) -> MicrophoneChoice:
        """See ``Microphones``."""
        refresh_devices()
        devices = list_devices()
        device, why = choose_for_login(devices, self._wanted())
        return MicrophoneChoice(tuple(each.name for each in devices), device.name, why)


def choose_for_login(devices: Sequence[InputDevice], wanted: str) -> tuple[InputDevice, str]:
    """The microphone to take, and why.

    A sound card itself is preferred to a sound server, which belongs to the very user who is to be authenticated, and
    does not run before the first login.

    Raises:
        MicrophoneAbsent, MicrophoneBusy, MicrophoneUnavailable: There is none, or none of this name.
    """
    if wanted:
        return choose_device(list(devices), wanted), "It was chosen by name."
    cards = [device for device in devices if not device.name.casefold().startswith(_SERVERS)]
    if not cards:
        device = choose_device(list(devices), None)
        return device, "No sound card records by itself, so the sound server's microphone is taken."
    if len(cards) == 1:
        return cards[0], "It is the only one that records."
    default = next((device for device in cards if device.is_default), None)
    if default is not None:
        return default, "It is the system's default of several. Choose another with --device."
    return cards[0], "It is the first of several. Choose another with --device."
