"""Errors of profiles, phrases and prompts, and refusals to try a profile."""

from streamauth.errors.base import InputError, StreamAuthError


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


class VoiceprintChanged(ProfileError, retryable=True):
    """The voiceprint of this profile was changed while the voice was compared with it. Try again."""


class BadProfileName(ProfileError):
    """A name has 1 to 128 characters, without line breaks or control characters."""


class BadPhrase(ProfileError):
    """The pass phrase cannot be used."""


class UnknownWord(BadPhrase):
    """The pass phrase has a word that the recognizer does not know. Choose another word."""


class ConsentMissing(ProfileError):
    """The person must agree to the present text first, and the enrollment must say so (`--consent`, `consent`)."""


class WeakPhrase(BadPhrase):
    """The pass phrase is too short or too easy to guess. Choose another one."""


class BadPrompt(ProfileError):
    """A random prompt of this length is not possible."""


class UnknownPrompt(ProfileError):
    """There is no such prompt for this profile, or it was used. Draw another one with `streamauth prompt new`."""


class PromptExpired(ProfileError):
    """The prompt is too old. Draw another one and say it at once."""


class UnknownTemplate(ProfileError):
    """This profile has no further voiceprint of that label. `streamauth profiles show` names them."""


class TooManyTemplates(ProfileError):
    """This profile has as many further voiceprints as it may. Remove one with `streamauth profiles revert`."""


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
