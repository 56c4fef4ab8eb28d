"""Every error the product can raise: one stable code, one sentence a person can act on.

The tree (exit codes of the command line in brackets):

    StreamAuthError
    ├── InputError [2]        what was given cannot be used
    │   ├── AudioError        ... as audio
    │   ├── ProfileError      ... for this profile
    │   └── ProtocolError     ... as a message of the streaming protocol
    ├── AttemptRefused [1]    the profile may not be tried now
    └── InternalError [4]     nothing the caller did
        ├── StoreError        the store or its key
        └── EngineError       a model or its runtime

Codes are part of the public interface: they are never renamed. Messages hold no names, words, scores or
embeddings, so that they may be logged and sent to a remote peer.
"""

from typing import ClassVar


class StreamAuthError(Exception):
    """Base of all errors.

    Attributes:
        code: Stable identifier for machines.
        message: One or two sentences for a person: what is wrong and what to do.
        retryable: Whether the same call may succeed later without a change by the caller.
        exit_code: Exit code of the command line.
    """

    code: ClassVar[str] = "error"
    default_message: ClassVar[str] = "Something failed inside streamauth. The attempt was not accepted."
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 4

    def __init_subclass__(cls, *, retryable: bool | None = None, exit_code: int | None = None) -> None:
        # the sentence is the docstring, and the code the class's name, so that neither stands twice
        cls.default_message = " ".join((cls.__doc__ or cls.__name__).split())
        if "code" not in vars(cls):
            cls.code = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")
        cls.retryable = cls.retryable if retryable is None else retryable
        cls.exit_code = cls.exit_code if exit_code is None else exit_code

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)

    def as_dict(self) -> dict[str, str]:
        """The one JSON shape of an error: ``{"code", "message"}``."""
        return {"code": self.code, "message": self.message}


class InputError(StreamAuthError):
    """The input cannot be used."""

    code = "bad_input"
    exit_code = 2


class InternalError(StreamAuthError):
    """Something failed inside streamauth. Nothing was accepted."""


class AudioError(InputError):
    """The audio cannot be used."""

    code = "bad_audio"


class FileMissing(AudioError):
    """There is no readable file at this path."""


class NotAudio(AudioError):
    """This is not an audio file. Give WAV, FLAC, OGG/Opus or MP3."""


class EmptyAudio(AudioError):
    """The audio is empty. Record again and check that the file has a length."""


class TruncatedAudio(AudioError):
    """The audio file ends before its header says. Copy or record it again."""


class AudioNotFinite(AudioError):
    """The audio holds values that are not numbers (NaN or infinity). Check the recorder."""


class OddByteCount(AudioError):
    """The audio does not end on a whole sample. Check the sample format and the channels."""


class UnsupportedAudioFormat(AudioError):
    """Only 16-bit integer or 32-bit float PCM with one or two channels is taken."""


class UnsupportedSampleRate(AudioError):
    """The sample rate must be a whole number from 8000 to 48000 Hz."""


class SampleRateMismatch(AudioError):
    """The sample rate that was claimed is not the one the audio was made with."""


class AudioTooLong(AudioError):
    """The audio is longer than the limit for one attempt."""


class MicrophoneUnavailable(AudioError):
    """No microphone can be opened. `streamauth doctor` lists what is missing."""


class ProfileError(InputError):
    """The profile does not allow this."""

    code = "bad_profile"


class UnknownProfile(ProfileError):
    """There is no profile of that name. `streamauth profiles list` shows all."""


class ProfileNotEnrolled(ProfileError):
    """The enrollment of this profile is not complete. Finish it with `streamauth enroll`."""


class ProfileExists(ProfileError):
    """This profile is already enrolled. Reset or delete it first to enroll again."""


class EncoderChanged(ProfileError):
    """This voice was enrolled with another speaker encoder and cannot be compared. Enroll again, or go back to
    the former encoder."""


class BadProfileName(ProfileError):
    """A name has 1 to 128 characters, without line breaks or control characters."""


class BadPhrase(ProfileError):
    """The pass phrase cannot be used."""


class UnknownWord(BadPhrase):
    """The pass phrase has a word that the recognizer does not know. Choose another word."""


class WeakPhrase(BadPhrase):
    """The pass phrase is too short or too easy to guess. Choose another one."""


class BadPrompt(ProfileError):
    """There is no random prompt of this length."""


class UnknownPrompt(ProfileError):
    """There is no such prompt for this profile, or it was used. Draw another one with `streamauth prompt new`."""


class PromptExpired(ProfileError):
    """The prompt is too old. Draw another one and say it at once."""


class NobodyToIdentify(ProfileError):
    """No enrolled profile can be compared. Enroll someone first."""


class AttemptRefused(StreamAuthError):
    """This profile may not be tried now."""

    exit_code = 1


class AttemptDelayed(AttemptRefused, retryable=True):
    """There were failed attempts. Wait a moment before the next one."""


class ProfileLocked(AttemptRefused):
    """This profile is locked after too many failed attempts. An operator opens it with `streamauth profiles
    unlock`."""


class TooManyPrompts(AttemptRefused, retryable=True):
    """As many prompts as there may be at one time wait to be said. Use one of them, or wait until they expire."""


class StoreError(InternalError):
    """The store cannot be read or written."""


class StoreCorrupt(StoreError):
    """The store is damaged or is not a streamauth store. Restore it from a backup."""


class StoreTooNew(StoreError):
    """The store was written by a later version of streamauth. Install that version or a newer one."""


class StoreBusy(StoreError, retryable=True):
    """The store is held by another process. Try again."""


class DiskFull(StoreError, retryable=True):
    """There is no space left on the disk. Nothing was changed; free some space and try again."""


class KeyMissing(StoreError):
    """The key that sealed this store is missing. Put the key file back, or set the variable or the command that
    gives the key."""


class KeyWrong(StoreError):
    """The given key is not the one that sealed this store. Use the key it was made with."""


class KeyExposed(StoreError):
    """Other users can read the key file. Make it private first: chmod 600."""


class EngineError(InternalError):
    """A speech engine failed. The attempt was ended and not accepted."""

    code = "engine_failed"


class ModelMissing(EngineError):
    """A model is missing. `streamauth doctor` shows which one and how to get it."""


class ModelCorrupt(EngineError):
    """A model file is damaged. Install streamauth again or restore the file."""


class ProtocolError(InputError):
    """The message does not follow the protocol."""

    code = "bad_message"


class UnsupportedVersion(ProtocolError):
    """This protocol version is not spoken here. Use version 1."""


class MessageTooLarge(ProtocolError):
    """The message is larger than the server takes. Send smaller messages."""


class UnexpectedMessage(ProtocolError):
    """This message may not come at this point of the session."""


class ServerBusy(ProtocolError, retryable=True, exit_code=4):
    """The server has as many sessions as it may. Try again later."""


class Overloaded(ProtocolError, retryable=True, exit_code=3):
    """Audio came faster than it could be worked on. The attempt is undecided; send it slower."""


class SessionTimeout(ProtocolError, retryable=True, exit_code=3):
    """No message came for too long. The attempt is undecided."""


class SessionInterrupted(ProtocolError, retryable=True, exit_code=3):
    """The session was broken off before it was decided. Nothing was accepted."""


class ServerStopping(ProtocolError, retryable=True, exit_code=4):
    """The server is stopping. The attempt is undecided; try again later."""


class ServerUnreachable(ProtocolError, retryable=True, exit_code=4):
    """The server cannot be reached or broke the connection. The attempt is undecided."""


class CannotListen(InputError):
    """The server cannot listen on this address. Only loopback addresses are allowed."""


class BadSetting(InputError):
    """A setting has a value that cannot be used."""


def all_errors() -> list[type[StreamAuthError]]:
    """Every error class, base first, in order of definition."""

    def walk(cls: type[StreamAuthError]) -> list[type[StreamAuthError]]:
        return [cls, *(error for child in cls.__subclasses__() for error in walk(child))]

    return walk(StreamAuthError)
