"""Every error the product can raise: one stable code, one sentence a person can act on.

The tree (exit codes of the command line in brackets):

    StreamAuthError
    ├── InputError [2]        what was given cannot be used
    │   ├── AudioError        ... as audio
    │   ├── ProfileError      ... for this profile
    │   ├── DoorError         ... for a door, or for who may pass it
    │   ├── LoginError        ... for a login by microphone
    │   └── ProtocolError     ... as a message of the streaming protocol
    ├── AttemptRefused [1]    the profile may not be tried now
    ├── AccessRefused [2]     the server may not be used in this way
    └── InternalError [4]     nothing the caller did
        ├── StoreError        the store or its key
        ├── DownloadFailed and others of errors/models.py
        └── EngineError       a model or its runtime

Codes are part of the public interface: they are never renamed. Messages hold no names, words, scores or
embeddings, so that they may be logged and sent to a remote peer.
"""

from streamauth.errors.access import (
    AccessRefused,
    Flooding,
    Forbidden,
    NotFound,
    RateLimited,
    SessionTokenRefused,
    TooManySessions,
    Unauthorized,
    UnknownApiKey,
    UnknownSigningKey,
)
from streamauth.errors.audio import (
    AudioError,
    AudioNotFinite,
    AudioTooLong,
    DecoderFailed,
    EmptyAudio,
    FileMissing,
    MicrophoneAbsent,
    MicrophoneBusy,
    MicrophoneFormat,
    MicrophoneMuted,
    MicrophoneUnavailable,
    MicrophoneUnplugged,
    NotAudio,
    OddByteCount,
    SampleRateMismatch,
    TruncatedAudio,
    UnsupportedAudioFormat,
    UnsupportedSampleRate,
)
from streamauth.errors.base import (
    BadSetting,
    InputError,
    InternalError,
    StreamAuthError,
)
from streamauth.errors.doors import (
    BadBadge,
    BadPin,
    BadPlan,
    BadSchedule,
    DoorError,
    DoorHardwareFailed,
    DoorTaken,
    OutputUnavailable,
    StaleCommand,
    UnknownDoor,
    UnknownPerson,
)
from streamauth.errors.engines import (
    EngineError,
    ModelCorrupt,
    ModelMissing,
)
from streamauth.errors.evaluation import (
    BadTrialList,
    ExtraMissing,
    TooFewRecordings,
)
from streamauth.errors.login import (
    LoginBusy,
    LoginDaemonAbsent,
    LoginError,
    LoginNotPermitted,
    LoginProtocolError,
    ServiceNotEnabled,
    UnknownUser,
)
from streamauth.errors.models import (
    BadModel,
    DownloadFailed,
    LicenceNotAccepted,
    RuntimeTooOld,
    UnknownModel,
    UnsafeArchive,
    WrongDownload,
    WrongResults,
)
from streamauth.errors.profiles import (
    AttemptDelayed,
    AttemptRefused,
    BadPhrase,
    BadProfileName,
    BadPrompt,
    ConsentMissing,
    EncoderChanged,
    NobodyToIdentify,
    ProfileError,
    ProfileExists,
    ProfileLocked,
    ProfileNotEnrolled,
    PromptExpired,
    TooManyPrompts,
    TooManyTemplates,
    UnknownProfile,
    UnknownPrompt,
    UnknownTemplate,
    UnknownWord,
    VoiceprintChanged,
    WeakPhrase,
)
from streamauth.errors.protocol import (
    CannotListen,
    MessageTooLarge,
    Overloaded,
    ProtocolError,
    ServerBusy,
    ServerStopping,
    ServerUnreachable,
    SessionInterrupted,
    SessionTimeout,
    UnexpectedMessage,
    UnsupportedVersion,
)
from streamauth.errors.store import (
    AuditBroken,
    DiskFull,
    KeyExposed,
    KeyMissing,
    KeyWrong,
    StoreBusy,
    StoreCorrupt,
    StoreError,
    StoreExposed,
    StoreRolledBack,
    StoreTampered,
    StoreTooNew,
    StoreUnavailable,
)

__all__ = [
    "AccessRefused",
    "AttemptDelayed",
    "AttemptRefused",
    "AudioError",
    "AudioNotFinite",
    "AudioTooLong",
    "AuditBroken",
    "BadBadge",
    "BadModel",
    "BadPhrase",
    "BadPin",
    "BadPlan",
    "BadProfileName",
    "BadPrompt",
    "BadSchedule",
    "BadSetting",
    "BadTrialList",
    "CannotListen",
    "ConsentMissing",
    "DecoderFailed",
    "DiskFull",
    "DoorError",
    "DoorHardwareFailed",
    "DoorTaken",
    "DownloadFailed",
    "EmptyAudio",
    "EncoderChanged",
    "EngineError",
    "ExtraMissing",
    "FileMissing",
    "Flooding",
    "Forbidden",
    "InputError",
    "InternalError",
    "KeyExposed",
    "KeyMissing",
    "KeyWrong",
    "LicenceNotAccepted",
    "LoginBusy",
    "LoginDaemonAbsent",
    "LoginError",
    "LoginNotPermitted",
    "LoginProtocolError",
    "MessageTooLarge",
    "MicrophoneAbsent",
    "MicrophoneBusy",
    "MicrophoneFormat",
    "MicrophoneMuted",
    "MicrophoneUnavailable",
    "MicrophoneUnplugged",
    "ModelCorrupt",
    "ModelMissing",
    "NobodyToIdentify",
    "NotAudio",
    "NotFound",
    "OddByteCount",
    "OutputUnavailable",
    "Overloaded",
    "ProfileError",
    "ProfileExists",
    "ProfileLocked",
    "ProfileNotEnrolled",
    "PromptExpired",
    "ProtocolError",
    "RateLimited",
    "RuntimeTooOld",
    "SampleRateMismatch",
    "ServerBusy",
    "ServerStopping",
    "ServerUnreachable",
    "ServiceNotEnabled",
    "SessionInterrupted",
    "SessionTimeout",
    "SessionTokenRefused",
    "StaleCommand",
    "StoreBusy",
    "StoreCorrupt",
    "StoreError",
    "StoreExposed",
    "StoreRolledBack",
    "StoreTampered",
    "StoreTooNew",
    "StoreUnavailable",
    "StreamAuthError",
    "TooFewRecordings",
    "TooManyPrompts",
    "TooManySessions",
    "TooManyTemplates",
    "TruncatedAudio",
    "Unauthorized",
    "UnexpectedMessage",
    "UnknownApiKey",
    "UnknownDoor",
    "UnknownModel",
    "UnknownPerson",
    "UnknownProfile",
    "UnknownPrompt",
    "UnknownSigningKey",
    "UnknownTemplate",
    "UnknownUser",
    "UnknownWord",
    "UnsafeArchive",
    "UnsupportedAudioFormat",
    "UnsupportedSampleRate",
    "UnsupportedVersion",
    "VoiceprintChanged",
    "WeakPhrase",
    "WrongDownload",
    "WrongResults",
    "all_errors",
]


def all_errors() -> list[type[StreamAuthError]]:
    """Every error class, base first, in order of definition."""

    def walk(cls: type[StreamAuthError]) -> list[type[StreamAuthError]]:
        return [cls, *(error for child in cls.__subclasses__() for error in walk(child))]

    return walk(StreamAuthError)
