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

    code: ClassVar[str] = "internal_error"
    default_message: ClassVar[str] = "Something failed inside streamauth. The attempt was not accepted."
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 4

    def __init__(self, message: str | None = None) -> None:
        self.message = message or self.default_message
        super().__init__(self.message)

    def as_dict(self) -> dict[str, str]:
        """The one JSON shape of an error: ``{"code", "message"}``."""
        return {"code": self.code, "message": self.message}


class InputError(StreamAuthError):
    """What was given cannot be used."""

    code = "bad_input"
    default_message = "The input cannot be used."
    exit_code = 2


class InternalError(StreamAuthError):
    """A failure that the caller did not cause; never an accept."""


# --- audio -------------------------------------------------------------------------------------------------


class AudioError(InputError):
    """The audio cannot be used."""

    code = "bad_audio"
    default_message = "The audio cannot be used."


class FileMissing(AudioError):
    """No file at the given path."""

    code = "file_missing"
    default_message = "There is no readable file at this path."


class NotAudio(AudioError):
    """The bytes are in no known audio format."""

    code = "not_audio"
    default_message = "This is not an audio file. Give WAV, FLAC, OGG/Opus or MP3."


class EmptyAudio(AudioError):
    """No sample at all."""

    code = "empty_audio"
    default_message = "The audio is empty. Record again and check that the file has a length."


class TruncatedAudio(AudioError):
    """Fewer samples than the container promises."""

    code = "truncated_audio"
    default_message = "The audio file ends before its header says. Copy or record it again."


class AudioNotFinite(AudioError):
    """NaN or infinity among the samples."""

    code = "audio_not_finite"
    default_message = "The audio holds values that are not numbers (NaN or infinity). Check the recorder."


class OddByteCount(AudioError):
    """The bytes do not divide into whole samples of all channels."""

    code = "odd_byte_count"
    default_message = "The audio does not end on a whole sample. Check the sample format and the channels."


class UnsupportedAudioFormat(AudioError):
    """Encoding or channel count outside of what is offered."""

    code = "unsupported_audio_format"
    default_message = "Only 16-bit integer or 32-bit float PCM with one or two channels is taken."


class UnsupportedSampleRate(AudioError):
    """Sample rate outside of what is offered."""

    code = "unsupported_sample_rate"
    default_message = "The sample rate must be a whole number from 8000 to 48000 Hz."


class SampleRateMismatch(AudioError):
    """The claimed sample rate contradicts what the audio says of itself."""

    code = "sample_rate_mismatch"
    default_message = "The sample rate that was claimed is not the one the audio was made with."


class AudioTooLong(AudioError):
    """More audio than the limit."""

    code = "audio_too_long"
    default_message = "The audio is longer than the limit for one attempt."


class MicrophoneUnavailable(AudioError):
    """No microphone, no PortAudio, or no such device."""

    code = "microphone_unavailable"
    default_message = "No microphone can be opened. `streamauth doctor` lists what is missing."


# --- profiles ----------------------------------------------------------------------------------------------


class ProfileError(InputError):
    """The profile does not allow what was asked."""

    code = "bad_profile"
    default_message = "The profile does not allow this."


class UnknownProfile(ProfileError):
    """No such profile for this tenant."""

    code = "unknown_profile"
    default_message = "There is no profile of that name. `streamauth profiles list` shows all."


class ProfileNotEnrolled(ProfileError):
    """Enrollment has not been completed."""

    code = "profile_not_enrolled"
    default_message = "The enrollment of this profile is not complete. Finish it with `streamauth enroll`."


class ProfileExists(ProfileError):
    """The profile is already enrolled, or enrolled in another way."""

    code = "profile_exists"
    default_message = "This profile is already enrolled. Reset or delete it first to enroll again."


class EncoderChanged(ProfileError):
    """The voiceprint was made by another encoder than the one in use."""

    code = "encoder_changed"
    default_message = (
        "This voice was enrolled with another speaker encoder and cannot be compared. "
        "Enroll again, or go back to the former encoder."
    )


class BadProfileName(ProfileError):
    """Name empty, too long or with control characters."""

    code = "bad_profile_name"
    default_message = "A name has 1 to 128 characters, without line breaks or control characters."


class BadPhrase(ProfileError):
    """The pass phrase cannot be used."""

    code = "bad_phrase"
    default_message = "The pass phrase cannot be used."


class UnknownWord(BadPhrase):
    """A word of the phrase is not in the recognizer's dictionary."""

    code = "unknown_word"
    default_message = "The pass phrase has a word that the recognizer does not know. Choose another word."


class NobodyToIdentify(ProfileError):
    """No enrolled profile to compare with."""

    code = "nobody_to_identify"
    default_message = "No enrolled profile can be compared. Enroll someone first."


class AttemptRefused(StreamAuthError):
    """The profile may not be tried now because of earlier failures."""

    code = "attempt_refused"
    default_message = "This profile may not be tried now."
    exit_code = 1


class AttemptDelayed(AttemptRefused):
    """Too soon after a failed attempt."""

    code = "attempt_delayed"
    default_message = "There were failed attempts. Wait a moment before the next one."
    retryable = True


class ProfileLocked(AttemptRefused):
    """Too many failed attempts."""

    code = "profile_locked"
    default_message = (
        "This profile is locked after too many failed attempts. An operator opens it with `streamauth profiles unlock`."
    )


# --- store -------------------------------------------------------------------------------------------------


class StoreError(InternalError):
    """The store cannot be used."""

    code = "store_error"
    default_message = "The store cannot be read or written."


class StoreCorrupt(StoreError):
    """The database file is damaged or is no streamauth store."""

    code = "store_corrupt"
    default_message = "The store is damaged or is not a streamauth store. Restore it from a backup."


class StoreTooNew(StoreError):
    """The store was written by a later version."""

    code = "store_too_new"
    default_message = "The store was written by a later version of streamauth. Install that version or a newer one."


class StoreBusy(StoreError):
    """Another process holds the store."""

    code = "store_busy"
    default_message = "The store is held by another process. Try again."
    retryable = True


class DiskFull(StoreError):
    """No space left."""

    code = "disk_full"
    default_message = "There is no space left on the disk. Nothing was changed; free some space and try again."
    retryable = True


class KeyMissing(StoreError):
    """Voiceprints exist but the key that sealed them cannot be found."""

    code = "key_missing"
    default_message = (
        "The key that sealed this store is missing. Put the key file back, or set the variable or the "
        "command that gives the key."
    )


class KeyWrong(StoreError):
    """The given key is not the one that sealed the store."""

    code = "key_wrong"
    default_message = "The given key is not the one that sealed this store. Use the key it was made with."


class KeyExposed(StoreError):
    """Other users of the machine can read the key file."""

    code = "key_exposed"
    default_message = "Other users can read the key file. Make it private first: chmod 600."


# --- engines -----------------------------------------------------------------------------------------------


class EngineError(InternalError):
    """A model or its runtime failed; the attempt ends without an accept."""

    code = "engine_failed"
    default_message = "A speech engine failed. The attempt was ended and not accepted."


class ModelMissing(EngineError):
    """A model or the package of its engine is not there."""

    code = "model_missing"
    default_message = "A model is missing. `streamauth doctor` shows which one and how to get it."


class ModelCorrupt(EngineError):
    """A model file does not have the registered sha256, or cannot be loaded."""

    code = "model_corrupt"
    default_message = "A model file is damaged. Install streamauth again or restore the file."


# --- protocol ----------------------------------------------------------------------------------------------


class ProtocolError(InputError):
    """A message that the protocol does not allow."""

    code = "bad_message"
    default_message = "The message does not follow the protocol."


class UnsupportedVersion(ProtocolError):
    """The peer asks for another protocol version."""

    code = "unsupported_version"
    default_message = "This protocol version is not spoken here. Use version 1."


class MessageTooLarge(ProtocolError):
    """A message over the size limit."""

    code = "message_too_large"
    default_message = "The message is larger than the server takes. Send smaller messages."


class UnexpectedMessage(ProtocolError):
    """A message that is well-formed but may not come now."""

    code = "unexpected_message"
    default_message = "This message may not come at this point of the session."


class ServerBusy(ProtocolError):
    """The limit of sessions is reached."""

    code = "server_busy"
    default_message = "The server has as many sessions as it may. Try again later."
    retryable = True
    exit_code = 4


class Overloaded(ProtocolError):
    """Audio came in faster than it could be worked on and the queue is full."""

    code = "overloaded"
    default_message = "Audio came faster than it could be worked on. The attempt is undecided; send it slower."
    retryable = True
    exit_code = 3


class SessionTimeout(ProtocolError):
    """The peer was silent on the wire for too long."""

    code = "session_timeout"
    default_message = "No message came for too long. The attempt is undecided."
    retryable = True
    exit_code = 3


class SessionInterrupted(ProtocolError):
    """The peer cancelled or vanished before the session was over."""

    code = "session_interrupted"
    default_message = "The session was broken off before it was decided. Nothing was accepted."
    retryable = True
    exit_code = 3


class ServerStopping(ProtocolError):
    """The server shuts down."""

    code = "server_stopping"
    default_message = "The server is stopping. The attempt is undecided; try again later."
    retryable = True
    exit_code = 4


class ServerUnreachable(ProtocolError):
    """The server cannot be reached, or the connection broke."""

    code = "server_unreachable"
    default_message = "The server cannot be reached or broke the connection. The attempt is undecided."
    retryable = True
    exit_code = 4


class CannotListen(InputError):
    """The address cannot or may not be listened on."""

    code = "cannot_listen"
    default_message = "The server cannot listen on this address. Only loopback addresses are allowed."


class BadSetting(InputError):
    """A setting has a value outside of its range, or is unknown."""

    code = "bad_setting"
    default_message = "A setting has a value that cannot be used."


def all_errors() -> list[type[StreamAuthError]]:
    """Every error class, base first, in order of definition."""

    def walk(cls: type[StreamAuthError]) -> list[type[StreamAuthError]]:
        return [cls, *(error for child in cls.__subclasses__() for error in walk(child))]

    return walk(StreamAuthError)
