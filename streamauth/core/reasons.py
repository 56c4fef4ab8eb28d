"""What a decision can be, and every reason for it: stable codes, and sentences for people."""

from enum import StrEnum


class Verdict(StrEnum):
    """Outcome of an attempt."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNDECIDED = "undecided"


class Reason(StrEnum):
    """Why a decision fell as it did, or what is wrong with an enrollment utterance. Stable codes."""

    NOT_ACCEPTED = "not_accepted"
    VOICE_MATCH = "voice_match"
    VOICE_MISMATCH = "voice_mismatch"
    VOICE_UNSURE = "voice_unsure"
    PHRASE_MATCH = "phrase_match"
    PHRASE_MISMATCH = "phrase_mismatch"
    PHRASE_INCOMPLETE = "phrase_incomplete"
    PROMPT_MATCH = "prompt_match"
    PROMPT_MISMATCH = "prompt_mismatch"
    PROMPT_INCOMPLETE = "prompt_incomplete"
    PROMPT_EXPIRED = "prompt_expired"
    VOICE_CHANGED = "voice_changed"
    HEARD_BEFORE = "heard_before"
    NOBODY = "nobody"
    NO_SPEECH = "no_speech"
    TOO_LITTLE_SPEECH = "too_little_speech"
    SPEECH_BUDGET_SPENT = "speech_budget_spent"
    TIME_BUDGET_SPENT = "time_budget_spent"
    DIGITAL_SILENCE = "digital_silence"
    TOO_QUIET = "too_quiet"
    CLIPPED = "clipped"
    TOO_NOISY = "too_noisy"
    DC_OFFSET = "dc_offset"
    OTHER_SOUND = "other_sound"
    OTHER_RATE = "other_rate"
    OTHER_PHRASE = "other_phrase"
    PRONUNCIATION_MISMATCH = "pronunciation_mismatch"
    WEAK_PHRASE = "weak_phrase"
    OTHER_VOICE = "other_voice"
    QUIETER_PLACE = "quieter_place"
    ONE_MORE_UTTERANCE = "one_more_utterance"
    INTERRUPTED = "interrupted"
    ENGINE_FAILED = "engine_failed"


REASON_TEXTS: dict[Reason, str] = {
    Reason.NOT_ACCEPTED: "The attempt was not accepted. Try again.",
    Reason.VOICE_MATCH: "The voice is the enrolled one.",
    Reason.VOICE_MISMATCH: "The voice is not the enrolled one.",
    Reason.VOICE_UNSURE: "The voice may be the enrolled one, but too little speaks for it. Try in a quieter place.",
    Reason.PHRASE_MATCH: "The pass phrase was said.",
    Reason.PHRASE_MISMATCH: "Other words than the pass phrase were said.",
    Reason.PHRASE_INCOMPLETE: "The pass phrase was not said to its end.",
    Reason.PROMPT_MATCH: "The prompt was said.",
    Reason.PROMPT_MISMATCH: "Other words than the prompt were said.",
    Reason.PROMPT_INCOMPLETE: "The prompt was not said to its end.",
    Reason.PROMPT_EXPIRED: "The prompt was not said in time. Draw another one.",
    Reason.VOICE_CHANGED: "The words were not all said in the same voice.",
    Reason.HEARD_BEFORE: "This recording was heard before. Speak live; no two utterances are the same.",
    Reason.NOBODY: "The voice is none of the enrolled ones.",
    Reason.NO_SPEECH: "No speech was heard. Speak towards the microphone.",
    Reason.TOO_LITTLE_SPEECH: "There was too little speech. Speak longer.",
    Reason.SPEECH_BUDGET_SPENT: "The speech allowed for one attempt was used up.",
    Reason.TIME_BUDGET_SPENT: "The time allowed for one attempt was used up.",
    Reason.DIGITAL_SILENCE: "The audio is nothing but zeros. Is the microphone muted or unplugged?",
    Reason.TOO_QUIET: "The speech is too quiet. Come closer or raise the input level.",
    Reason.CLIPPED: "The speech is distorted. Lower the input level or step back.",
    Reason.TOO_NOISY: "There is too much noise. Find a quieter place.",
    Reason.DC_OFFSET: "The recording has a constant offset. Check the sound card or its cable.",
    Reason.OTHER_SOUND: "Another sound, such as keypad tones, ringing or music, is nearly as loud as the speech, as "
    "in an earlier utterance. It must not become part of the voiceprint. Begin to record after it, or cut it off.",
    Reason.OTHER_RATE: "This sounds slowed down or sped up, as if the sample rate were another one than declared. "
    "Declare the rate that it was recorded at.",
    Reason.WEAK_PHRASE: "The phrase is too short or too easy to guess. Choose another one.",
    Reason.OTHER_PHRASE: "This is not the phrase of the other utterances. Say the same phrase each time.",
    Reason.PRONUNCIATION_MISMATCH: "A word that no dictionary has was not said as it is spelled. "
    "Say it so, spell it as it sounds, or choose another word.",
    Reason.OTHER_VOICE: "This does not sound like the voice of the other utterances.",
    Reason.QUIETER_PLACE: "The enrollment is noisy. In a quieter place it would be surer.",
    Reason.ONE_MORE_UTTERANCE: (
        "The recordings differ, or are too few to tell how sure it is. If the person is often refused, reset the "
        "profile and enroll again in one place."
    ),
    Reason.INTERRUPTED: "The attempt was interrupted before it was decided.",
    Reason.ENGINE_FAILED: "A speech engine failed. The attempt was ended.",
}
