"""What the daemon does with voices, by the authenticator of every entrance: may this person try, listen, enroll.

Data path: microphone -> attempt -> events. The microphone is a port, so that tests give audio of a file instead.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from streamauth.core.audio.pcm import AudioFormat
from streamauth.core.events import Event, SpeechStarted
from streamauth.core.lockout import Allowed, Locked
from streamauth.core.phrase.prompt import PromptKind, PromptPlan
from streamauth.core.sessions.base import SessionState
from streamauth.errors import (
    AttemptDelayed,
    MicrophoneMuted,
    ProfileLocked,
    ProfileNotEnrolled,
    StreamAuthError,
    UnknownProfile,
)
from streamauth.login.claims import MicrophoneClaims
from streamauth.login.users import TENANT, UnixUser
from streamauth.service.attempts import AnySession, Attempt, EnrollmentAttempt, VerificationAttempt
from streamauth.service.authenticator import Authenticator

_MUTED_S = 0.8
_CLAIM_MARGIN_S = 2.0  # a claim outlives the listening that it is for, but not by much
_MAX_ENROLL_S = 180.0
_LOOK_S = 5.0


@dataclass(frozen=True, slots=True)
class MicrophoneChoice:
    """Which microphones there are, and which one is taken.

    Attributes:
        names: Of all.
        chosen: The one that is taken.
        why: A sentence.
    """

    names: tuple[str, ...]
    chosen: str
    why: str


class OpenMicrophone(Protocol):
    """A microphone that records: chunks of PCM as they come.

    Attributes:
        format: Of the chunks.
    """

    format: AudioFormat

    def __iter__(self) -> Iterator[bytes]:
        """The chunks, each soon after it was recorded.

        Raises:
            MicrophoneUnavailable: The device is gone.
        """


class Microphones(Protocol):
    """The microphones of this machine, and the one that logins take."""

    def open(self) -> AbstractContextManager[OpenMicrophone]:
        """The one that logins take, recording.

        Raises:
            MicrophoneUnavailable: It cannot be used.
        """

    def check(self, name: str) -> None:
        """Refuse a name that fits none, or more than one.

        Raises:
            MicrophoneUnavailable: It does.
        """

    def described(self) -> MicrophoneChoice:
        """Which there are, and which one is taken.

        Raises:
            MicrophoneUnavailable: None can be.
        """


@dataclass(frozen=True, slots=True)
class Offer:
    """What a person may say to log in.

    Attributes:
        user: Whose voice it must be.
        prompt_id: Of the random prompt, None without one.
        say: What it says.
        after_phrase: Whether the pass phrase comes before it.
    """

    user: UnixUser
    prompt_id: str | None
    say: str
    after_phrase: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a person.

    Attributes:
        enrolled: Whether there is a voiceprint to compare with.
        with_phrase: Whether a pass phrase belongs to it.
        failures: Failed attempts in a row.
        locked: Whether an operator must unlock it.
        wait_s: Time until the next attempt may begin, in seconds.
    """

    enrolled: bool
    with_phrase: bool
    failures: int
    locked: bool
    wait_s: float


@dataclass(eq=False, repr=False)
class LoginVoices:
    """Logins by voice. For any thread.

    Attributes:
        authenticator: Of the daemon's data folder.
        microphones: The port.
        clock: Seconds; never goes backwards.
    """

    authenticator: Authenticator
    microphones: Microphones
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._claims = MicrophoneClaims(self.clock)
        self._settings = self.authenticator.settings.login
        self.authenticator.store.tenants.create(TENANT)

    def warm_up(self) -> None:
        """Load the models, so that the first login need not wait for them.

        Raises:
            EngineError, ModelMissing: One cannot be loaded.
        """
        import numpy as np

        models = self.authenticator.engines.models(with_words=True)
        # the first run of a network takes longer than those that follow
        models.encoder.embed(np.zeros((1, models.encoder.window_samples), np.float32))

    def standing(self, user: UnixUser) -> Standing:
        """How it stands with a person.

        Raises:
            StoreError: The store cannot be used.
        """
        store = self.authenticator.store
        try:
            profile = store.profiles.get(user.profile, tenant=TENANT)
        except UnknownProfile:
            return Standing(False, False, 0, False, 0.0)
        failures, rule = store.attempts.standing(profile.id, self.authenticator.settings.attempts)
        return Standing(
            enrolled=self.authenticator.engines.encoder().id in store.voiceprints.encoders(profile.id),
            with_phrase=profile.phrase is not None,
            failures=failures,
            locked=isinstance(rule, Locked),
            wait_s=0.0 if isinstance(rule, Allowed | Locked) else rule.wait_s,
        )

    def offer(self, user: UnixUser, *, digits: bool) -> Offer:
        """What a person may say; charges nothing.

        Args:
            user: Whose voice it must be.
            digits: Random digits; else the fixed pass phrase, for programs that show no texts.

        Raises:
            ProfileNotEnrolled: There is no voice to compare with, or no pass phrase where it must stand alone.
            ProfileLocked, AttemptDelayed: There were too many failures.
            TooManyPrompts: Too many logins wait.
            StoreError: The store cannot be used.
        """
        standing = self.standing(user)
        if not standing.enrolled:
            raise ProfileNotEnrolled("No voice is enrolled. Enroll with `streamauth login setup`.")
        if standing.locked:
            raise ProfileLocked("The voice is locked after too many failed attempts. Use the password.")
        if standing.wait_s > 0:
            raise AttemptDelayed("The voice rests after failed attempts. Use the password.")
        if not digits:
            if not standing.with_phrase:
                raise ProfileNotEnrolled("This program shows no digits, and no pass phrase is enrolled.")
            return Offer(user, None, "", after_phrase=True)
        plan = PromptPlan(PromptKind.DIGITS, self._settings.digits)
        opened = self.authenticator.prompts.draw(user.profile, plan=plan, tenant=TENANT)
        return Offer(user, opened.id, opened.prompt.text, after_phrase=standing.with_phrase)

    def withdraw(self, offer: Offer) -> None:
        """The person did not try."""
        if offer.prompt_id is not None:
            with suppress(StreamAuthError):  # it is gone, which is what was wanted
                self.authenticator.prompts.take(offer.prompt_id, tenant=TENANT)

    @contextmanager
    def listen(self, offer: Offer, longest_s: float) -> Iterator[tuple[VerificationAttempt, Iterator[Event]]]:
        """Listen to a person and judge; the attempt, and its events, which end with a decision.

        Args:
            offer: What may be said.
            longest_s: When to be done at the latest, in seconds from now.

        Raises:
            MicrophoneUnavailable: It is busy, absent or muted; nothing is charged where it cannot be opened.
            StreamAuthError: As ``Authenticator.verify``, or the attempt failed.
        """
        longest_s = min(longest_s, self._settings.max_listen_s)
        with self._claims.claim(longest_s + _CLAIM_MARGIN_S), self.microphones.open() as microphone:
            attempt = self.authenticator.verify(
                offer.user.profile, microphone.format, prompt=offer.prompt_id, tenant=TENANT
            )
            with attempt:
                yield attempt, self._events(attempt, microphone, longest_s, self._settings.silence_s)

    @contextmanager
    def enroll(self, user: UnixUser, phrase: str | None) -> Iterator[tuple[EnrollmentAttempt, Iterator[Event]]]:
        """Enroll a person by microphone; the attempt, and its events until it is complete.

        Raises:
            MicrophoneUnavailable, StreamAuthError: As ``listen`` and ``Authenticator.enroll``.
        """
        with self._claims.claim(_MAX_ENROLL_S + _CLAIM_MARGIN_S), self.microphones.open() as microphone:
            attempt = self.authenticator.enroll(
                user.profile, microphone.format, phrase=phrase, text_independent=phrase is None, tenant=TENANT
            )
            with attempt:
                yield attempt, self._events(attempt, microphone, _MAX_ENROLL_S, _MAX_ENROLL_S)

    def forget(self, user: UnixUser) -> None:
        """Delete a person's voice.

        Raises:
            UnknownProfile: There is none.
            StoreError: The store cannot be used.
        """
        self.authenticator.store.profiles.delete(self.authenticator.store.profiles.get(user.profile, tenant=TENANT).id)

    def unlock(self, user: UnixUser) -> None:
        """Forget a person's failed attempts.

        Raises:
            UnknownProfile: No voice is enrolled.
            StoreError: The store cannot be used.
        """
        self.authenticator.store.attempts.unlock(self.authenticator.store.profiles.get(user.profile, tenant=TENANT).id)

    @contextmanager
    def record(self, longest_s: float) -> Iterator[OpenMicrophone]:
        """The microphone itself, to measure its level.

        Raises:
            MicrophoneUnavailable: It cannot be opened.
        """
        with self._claims.claim(longest_s + _CLAIM_MARGIN_S), self.microphones.open() as microphone:
            yield microphone

    def devices(self) -> dict[str, Any]:
        """The microphones, as a client is told of them.

        Raises:
            MicrophoneUnavailable: None can be used.
        """
        with self._claims.claim(_LOOK_S):  # the list is made anew, which would end a recording
            return asdict(self.microphones.described())

    def check_device(self, name: str) -> None:
        """Refuse a name of a microphone that fits none; the empty one fits.

        Raises:
            MicrophoneUnavailable: It does.
        """
        if name:
            with self._claims.claim(_LOOK_S):
                self.microphones.check(name)

    def _events(
        self, attempt: Attempt[AnySession], microphone: OpenMicrophone, longest_s: float, silence_s: float
    ) -> Iterator[Event]:
        began_s, heard, zeros_s = self.clock(), False, 0.0
        bytes_per_s = microphone.format.sample_rate_hz * microphone.format.channels * microphone.format.sample_bytes
        for chunk in microphone:
            zeros_s = 0.0 if heard or any(chunk) else zeros_s + len(chunk) / bytes_per_s
            if zeros_s >= _MUTED_S:
                raise MicrophoneMuted  # no sound card is as quiet as that
            for event in attempt.receive_audio(chunk):
                heard = heard or isinstance(event, SpeechStarted)
                yield event
            if attempt.state is not SessionState.LISTENING:
                break
            waited_s = self.clock() - began_s
            if waited_s >= longest_s or (not heard and waited_s >= silence_s):
                yield from attempt.receive_end()
                break
        else:
            yield from attempt.receive_end()
        if attempt.error is not None:
            raise attempt.error
