"""Errors of audio that is given, and of the microphone."""

from streamauth.errors.base import InputError


class AudioError(InputError):
    """The audio cannot be used."""

    code = "bad_audio"


class FileMissing(AudioError):
    """There is no readable file at this path."""


class NotAudio(AudioError):
    """This is no audio file of a known kind. Give WAV, AIFF, FLAC, Ogg or MP3, or convert it:
    `ffmpeg -i INPUT -ar 16000 -ac 1 output.wav`."""


class EmptyAudio(AudioError):
    """The audio is empty. Record again and check that the file has a length."""


class TruncatedAudio(AudioError):
    """The audio file ends before its header says. Copy or record it again."""


class AudioNotFinite(AudioError):
    """The audio holds values that are not numbers (NaN or infinity). Check the recorder."""


class OddByteCount(AudioError):
    """The audio does not end on a whole sample. Check the sample format and the channels."""


class UnsupportedAudioFormat(AudioError):
    """Samples are s16le, f32le, mulaw or alaw, in 1 to 16 channels."""


class UnsupportedSampleRate(AudioError):
    """The sample rate must be a whole number from 8000 to 192000 Hz."""


class SampleRateMismatch(AudioError):
    """The sample rate that was claimed is not the one the audio was made with."""


class AudioTooLong(AudioError):
    """The audio is longer than the limit for one attempt."""


class DecoderFailed(AudioError):
    """The audio file could not be decoded: its decoder crashed, took too long or too much memory. Convert it to WAV:
    `ffmpeg -i INPUT -ar 16000 -ac 1 output.wav`."""


class MicrophoneUnavailable(AudioError):
    """No microphone can be opened. `streamauth doctor` lists what is missing."""


class MicrophoneAbsent(MicrophoneUnavailable):
    """There is no such microphone. Plug it in, or choose another one."""


class MicrophoneBusy(MicrophoneUnavailable, retryable=True):
    """Another program uses the microphone. Close it, or try again in a moment."""


class MicrophoneUnplugged(MicrophoneUnavailable):
    """The microphone gives no more audio; it may be unplugged."""


class MicrophoneMuted(MicrophoneUnavailable):
    """The microphone gives nothing but zeros; it may be muted."""


class MicrophoneFormat(MicrophoneUnavailable):
    """The microphone offers neither one nor two channels at 8 to 192 kHz."""
