"""Profiles and enrollments as each generation shows them."""

from datetime import UTC, datetime
from typing import Any

from streamauth.azure.generations import LIMITS, V1_ITEM, Generation, Use
from streamauth.store.records import ProfileSummary

_MODEL_VERSION = "2021-09-05"
_DIGITS = 2


def timestamp(at: datetime, digits: int = 3) -> str:
    """A time as the API writes it, with so many digits of a second."""
    at = at.astimezone(UTC)
    fraction = f"{at.microsecond * 10:07d}"[:digits]
    return f"{at:%Y-%m-%dT%H:%M:%S}.{fraction}Z"


class Shaper:
    """Writes objects.

    Args:
        encoder_id: The encoder that counts.
        utterances: Enrollments that a pass phrase takes.
    """

    def __init__(self, encoder_id: str, utterances: int) -> None:
        self._encoder_id = encoder_id
        self._utterances = utterances

    def is_enrolled(self, summary: ProfileSummary) -> bool:
        """Whether somebody can be compared with it."""
        return self._encoder_id in summary.enrolled_encoders

    def remaining(self, summary: ProfileSummary) -> int:
        """Enrollments of the pass phrase still to come."""
        return 0 if self.is_enrolled(summary) else max(0, self._utterances - summary.utterances)

    def remaining_s(self, summary: ProfileSummary, generation: Generation, use: Use) -> float:
        """Net speech still to come."""
        needed_s = LIMITS[generation, use].needed_speech_s
        return 0.0 if self.is_enrolled(summary) else round(max(0.0, needed_s - summary.speech_s), _DIGITS)

    def profile(self, summary: ProfileSummary, generation: Generation, use: Use) -> dict[str, Any]:
        """A profile."""
        if generation is Generation.V1:
            return self._first(summary, use)
        profile = summary.profile
        touched = profile.updated_at != profile.created_at
        data: dict[str, Any] = {"profileId": profile.id, "locale": profile.locale}
        if generation is Generation.V3 and use is not Use.TD:
            data["profileStatus"] = "Active" if summary.utterances else "Inactive"
        return (
            data
            | {
                "enrollmentStatus": self._status(summary),
                "createdDateTime": timestamp(profile.created_at),
                "lastUpdatedDateTime": timestamp(profile.updated_at) if touched else None,
            }
            | self._counts(summary, generation, use)
            | {"modelVersion": _MODEL_VERSION if summary.utterances else None}
        )

    def enrollment(
        self, summary: ProfileSummary, generation: Generation, use: Use, *, audio_s: float, speech_s: float, phrase: str
    ) -> dict[str, Any]:
        """The outcome of an enrollment."""
        if generation is Generation.V1 and use is Use.TD:
            return {
                "enrollmentStatus": self._status(summary),
                "enrollmentsCount": summary.utterances,
                "remainingEnrollments": self.remaining(summary),
                "phrase": phrase,
            }
        if generation is Generation.V1:
            return {
                "enrollmentStatus": self._status(summary),
                "remainingEnrollmentSpeechTime": self.remaining_s(summary, generation, use),
                "speechTime": round(speech_s, _DIGITS),
                "enrollmentSpeechTime": round(summary.speech_s, _DIGITS),
            }
        unit = "InSec" if generation is Generation.V3 else ""
        data = {"profileId": summary.profile.id, "enrollmentStatus": self._status(summary)}
        data |= self._counts(summary, generation, use)
        if use is Use.TD:
            data["passPhrase"] = phrase
        return data | {
            f"audioLength{unit}": round(audio_s, _DIGITS),
            f"audioSpeechLength{unit}": round(speech_s, _DIGITS),
        }

    def _first(self, summary: ProfileSummary, use: Use) -> dict[str, Any]:
        profile = summary.profile
        counts: dict[str, Any]
        if use is Use.TD:
            counts = {
                "enrollmentsCount": summary.utterances,
                "remainingEnrollmentsCount": self.remaining(summary),
            }
        else:
            counts = {
                "enrollmentSpeechTime": round(summary.speech_s, _DIGITS),
                "remainingEnrollmentSpeechTime": self.remaining_s(summary, Generation.V1, use),
            }
        return {
            V1_ITEM[use]: profile.id,
            "locale": profile.locale.lower(),
            **counts,
            "createdDateTime": timestamp(profile.created_at),
            "lastActionDateTime": timestamp(profile.updated_at),
            "enrollmentStatus": self._status(summary),
        }

    def _status(self, summary: ProfileSummary) -> str:
        return "Enrolled" if self.is_enrolled(summary) else "Enrolling"

    def _counts(self, summary: ProfileSummary, generation: Generation, use: Use) -> dict[str, Any]:
        unit = "InSec" if generation is Generation.V3 else ""
        data: dict[str, Any] = {
            "enrollmentsCount": summary.utterances,
            f"enrollmentsLength{unit}": round(summary.audio_s, _DIGITS),
            f"enrollmentsSpeechLength{unit}": round(summary.speech_s, _DIGITS),
        }
        if generation is Generation.V2:
            # the service wrote it so, its description as above
            data["enrollmentSpeechLength"] = data["enrollmentsSpeechLength"]
        if use is Use.TD:
            return data | {"remainingEnrollmentsCount": self.remaining(summary)}
        return data | {f"remainingEnrollmentsSpeechLength{unit}": self.remaining_s(summary, generation, use)}
