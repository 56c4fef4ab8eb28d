"""What the server answers, and what of it who learns."""

import json
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.events import (
    Decided,
    Event,
    RankingUpdated,
    Reason,
    ScoreUpdated,
    UtteranceTaken,
    Verdict,
    WordsHeard,
)
from streamauth.errors import EngineError, ProtocolError, UnsupportedVersion
from streamauth.protocol.answers import (
    Pronunciation,
    Ready,
    ServerMessage,
    SignedVerdict,
    parse_server_text,
)
from streamauth.protocol.disclosure import Disclosure, DisclosurePolicy
from tests.protocol.test_messages import JSON
from tests.samples import EVENTS, RANKING
from tests.server.schema import SERVER, fits

DISCLOSURE = DisclosurePolicy(Disclosure.NUMBER, 0.0, rankings=True)
READY = Ready(262_144, 30.0, 20.0, None, 43_200.0)
SIGNED = SignedVerdict("a.b.c", 60.0)
PRONUNCIATION = Pronunciation({"kelvandro": ("K EH L", "K AH L")})
MESSAGES = (READY, SIGNED, PRONUNCIATION, *EVENTS)
NAN = float("nan")


def told(message: ServerMessage, scores: Disclosure, threshold: float = 0.0) -> dict[str, object]:
    text = DisclosurePolicy(scores, threshold).text(message)
    return {} if text is None else json.loads(text)


@pytest.mark.parametrize("scores", Disclosure)
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_fits_the_schema(message: Ready | Event, scores: Disclosure) -> None:
    text = DisclosurePolicy(scores, 1.0, rankings=True).text(message)
    assert text is None or fits(SERVER, text)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_goes_round(message: Ready | Event) -> None:
    expected = message
    if isinstance(message, Decided) and message.verdict is not Verdict.ACCEPT:
        expected = replace(message, phrase_expected=None)  # told with an accept only
    assert parse_server_text(DISCLOSURE.text(message) or "") == expected


def test_the_expected_words_are_told_with_an_accept_only() -> None:
    rejected = Decided(
        0, Verdict.REJECT, (Reason.PHRASE_MISMATCH,), 0.5, 1.0, 2.0, "marker words", "open the window", False
    )
    accepted = replace(rejected, verdict=Verdict.ACCEPT, phrase_matched=True)
    for scores in Disclosure:
        for verdict in (Verdict.REJECT, Verdict.UNDECIDED):
            assert "marker" not in json.dumps(told(replace(rejected, verdict=verdict), scores))
        assert ("marker" in json.dumps(told(accepted, scores))) == (scores is not Disclosure.LEAST)


@pytest.mark.parametrize(
    ("llr", "band"),
    [(-9.0, "far_below"), (-2.1, "far_below"), (-1.9, "below"), (1.9, "below"), (2.0, "above"), (6.1, "far_above")],
)
def test_a_band_is_the_distance_from_the_threshold(llr: float, band: str) -> None:
    decided = Decided(0, Verdict.REJECT, (Reason.VOICE_MISMATCH,), 0.5, llr, 2.0)
    assert told(decided, Disclosure.BAND, 2.0)["band"] == band
    assert told(ScoreUpdated(0, 0.5, llr, 1.5), Disclosure.BAND, 2.0) == {
        "type": "band",
        "at_s": 0.0,
        "band": band,
        "speech_s": 1.5,
    }


def test_without_numbers_no_score_no_ranking_and_no_name_of_others_is_told() -> None:
    for scores in (Disclosure.BAND, Disclosure.LEAST):
        accepted = Decided(0, Verdict.ACCEPT, (Reason.VOICE_MATCH,), 0.8125, 7.5, 1.9, name="ada", ranking=RANKING)
        text = json.dumps([told(accepted, scores), told(RankingUpdated(0, RANKING, 1.0), scores)])
        assert "0.81" not in text
        assert "7.5" not in text
        assert "bob" not in text
        assert "ada" in text


def test_by_default_neither_bands_nor_words_are_told() -> None:
    for event in (ScoreUpdated(0, 0.5, 1.0, 1.5), RankingUpdated(0, RANKING, 1.0), WordsHeard(0, "open", False)):
        assert told(event, Disclosure.LEAST) == {}
    decided = next(event for event in EVENTS if isinstance(event, Decided) and event.phrase_heard)
    object_ = told(decided, Disclosure.LEAST)
    assert object_["band"] is None
    assert object_["phrase"] is None
    assert told(UtteranceTaken(0, 1, 2, 1.0, 0.0, "open"), Disclosure.LEAST)


@pytest.mark.parametrize("matched", [True, False, None])
@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OTHER_RATE])
def test_by_default_a_reject_does_not_tell_which_factor_failed(reason: Reason, matched: bool | None) -> None:
    words = None if matched is None else "open the door"
    rejected = Decided(0, Verdict.REJECT, (reason,), 0.5, 1.0, 2.0, words, words, matched)
    assert told(rejected, Disclosure.LEAST) == told(
        Decided(0, Verdict.REJECT, (Reason.NOT_ACCEPTED,), None, None, 2.0), Disclosure.LEAST
    )


def test_by_default_a_reject_tells_of_a_doubtful_sample_rate_and_no_more() -> None:
    """It says nothing of the voice or the words, and somebody who declares another rate is helped by it."""
    reasons = (Reason.VOICE_MISMATCH, Reason.TOO_QUIET, Reason.OTHER_RATE)
    rejected = Decided(0, Verdict.REJECT, reasons, 0.5, 1.0, 2.0)
    assert told(rejected, Disclosure.LEAST)["reasons"] == ["not_accepted", "other_rate"]


def test_by_default_what_is_wrong_with_the_audio_is_told() -> None:
    reasons = (Reason.TOO_LITTLE_SPEECH, Reason.PROMPT_MATCH)
    undecided = Decided(0, Verdict.UNDECIDED, reasons, 0.5, 1.0, 0.5, "one", "one", True)
    assert told(undecided, Disclosure.LEAST)["reasons"] == ["too_little_speech"]
    near = replace(undecided, reasons=(Reason.VOICE_UNSURE,))
    assert told(near, Disclosure.LEAST)["reasons"] == ["not_accepted"]


def test_a_ranking_is_told_to_whoever_may_see_all_profiles_only() -> None:
    accepted = Decided(0, Verdict.ACCEPT, (Reason.VOICE_MATCH,), 0.8125, 7.5, 1.9, name="ada", ranking=RANKING)
    for policy, names in ((DisclosurePolicy(Disclosure.NUMBER, 0.0), 0), (DISCLOSURE, len(RANKING))):
        assert len(json.loads(policy.text(accepted) or "")["ranking"]) == names
        kind = json.loads(policy.text(RankingUpdated(0, RANKING, 1.0)) or "")["type"]
        assert kind == ("ranking" if names else "band")


def test_of_an_identification_the_band_is_that_of_the_best() -> None:
    nobody = Decided(0, Verdict.REJECT, (Reason.NOBODY,), None, None, 1.9, ranking=RANKING)
    assert told(nobody, Disclosure.BAND, 5.0)["band"] == "above"
    nothing = Decided(0, Verdict.UNDECIDED, (Reason.NO_SPEECH,), None, None, 0.0)
    assert told(nothing, Disclosure.BAND)["band"] is None


def test_a_signed_verdict_is_not_shown() -> None:
    assert "a.b.c" not in repr(SIGNED)


def test_a_pronunciation_is_not_shown() -> None:
    assert repr(PRONUNCIATION) == "Pronunciation()"


@pytest.mark.parametrize("scores", Disclosure)
@pytest.mark.parametrize(
    "event",
    [
        ScoreUpdated(0, NAN, 0.0, 1.0),
        ScoreUpdated(0, 0.0, NAN, 1.0),
        RankingUpdated(0, (replace(RANKING[0], llr=NAN),), 1.0),
        Decided(0, Verdict.ACCEPT, (Reason.VOICE_MATCH,), NAN, 7.5, 1.9),
        Decided(0, Verdict.ACCEPT, (Reason.VOICE_MATCH,), 0.5, NAN, 1.9),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_number_that_is_none_is_an_error_whoever_listens(event: Event, scores: Disclosure) -> None:
    with pytest.raises(EngineError):
        DisclosurePolicy(scores, 0.0, rankings=True).text(event)


def test_a_client_ignores_what_a_later_server_may_add() -> None:
    assert parse_server_text('{"type":"mood","value":1}') is None
    later = json.loads(DISCLOSURE.text(READY) or "") | {"more": 1}
    later["limits"]["more"] = 1
    assert parse_server_text(json.dumps(later)) == READY


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"type":1}', '{"type":"ready","version":1}', '{"type":"ready","version":1,"limits":[]}'],
)
def test_what_is_no_message_of_a_server(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_server_text(text)


def test_a_server_of_another_version_is_refused() -> None:
    with pytest.raises(UnsupportedVersion):
        parse_server_text('{"type":"ready","version":2}')


@pytest.mark.parametrize("fields", ['"token":1,"expires_s":1', '"token":"a"', '"token":"a","expires_s":"1"'])
def test_what_is_no_signed_verdict(fields: str) -> None:
    with pytest.raises(ProtocolError):
        parse_server_text(f'{{"type":"signed_verdict",{fields}}}')


@pytest.mark.parametrize("words", ["null", '["kelvandro"]', '{"kelvandro":"K EH L"}', '{"kelvandro":[["K"]]}'])
def test_what_is_no_pronunciation(words: str) -> None:
    with pytest.raises(ProtocolError):
        parse_server_text(f'{{"type":"pronunciation","words":{words}}}')


@given(st.text() | JSON.map(json.dumps))
def test_only_protocol_errors_come_out_of_the_client_parser(text: str) -> None:
    with suppress(ProtocolError):
        parse_server_text(text)
