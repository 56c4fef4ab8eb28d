"""Re-enrollment: voiceprints for another encoder, made from enrolled speech that was kept."""

from dataclasses import replace

from streamauth.core.ports import SpeakerEncoder
from streamauth.core.sessions.enrolled import EnrolledUtterance, voiceprint_of
from streamauth.core.voice.augmentation import augmented_voiceprint
from streamauth.core.voice.pooling import voice_of
from streamauth.errors import EncoderChanged, EngineError, ProfileNotEnrolled
from streamauth.store.store import Store


def rebuild(store: Store, profile_id: str, encoder: SpeakerEncoder) -> None:
    """Enroll a profile for an encoder with the speech that it was enrolled with before.

    Raises:
        ProfileNotEnrolled: It is not enrolled for any encoder.
        ProfileExists: It is enrolled for this one.
        EncoderChanged: Its speech was not kept, so that it must be enrolled again.
        StoreError, EngineError: The store or the encoder cannot be used.
    """
    kept = store.recordings.of(profile_id)
    if not kept:
        if not store.voiceprints.encoders(profile_id):
            raise ProfileNotEnrolled
        raise EncoderChanged("The speech of this enrollment was not kept. Enroll again.")
    records, utterances = [], []
    for record in kept:
        assert record.audio is not None  # noqa: S101 - kept_audio gives those that have it
        voice = voice_of(record.audio, encoder)
        if voice is None:
            raise EngineError("The speech that was kept is too short for this encoder. Enroll again.")
        voiceprint = augmented_voiceprint(voice, record.audio, encoder)
        utterances.append(EnrolledUtterance(voiceprint, voice.speech_s, record.audio_s, None))
        records.append(
            replace(record, encoder_id=encoder.id, voiceprint=voiceprint, speech_s=voice.speech_s, audio=None)
        )
    store.enrollments.rebuild(profile_id, records, voiceprint_of(utterances))
