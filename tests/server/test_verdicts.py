"""Signed verdicts: what they claim, and the keys behind them."""

from pathlib import Path
from typing import Any

import jwt
import pytest

from streamauth.core.events import Decided, Enrolled, Reason, Verdict
from streamauth.core.phrase.prompt import PromptKind
from streamauth.errors import KeyMissing
from streamauth.protocol.purpose import Mode, Purpose
from streamauth.server.verdicts import Verdicts
from streamauth.settings import AccessSettings
from streamauth.store.store import Store
from tests.samples import RANKING
from tests.server.rig import PHRASE, STRANGER, Peer, application, server, spoken
from tests.server.web import Web, key_of

ACCEPTED = Decided(0, Verdict.ACCEPT, (Reason.VOICE_MATCH,), 0.8125, 7.5, 1.9, name="ada", ranking=RANKING)
NOBODY = Decided(0, Verdict.REJECT, (Reason.NOBODY,), 0.8125, 7.5, 1.9, name="ada", ranking=RANKING)


class Clock:
    now_s = 1000.5

    def __call__(self) -> float:
        return self.now_s


def claims(verdicts: Verdicts, event: Decided | Enrolled, purpose: Purpose) -> dict[str, Any]:
    token = verdicts.sign(event, purpose).token
    keys = jwt.PyJWKSet.from_dict(verdicts.published())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    options: Any = {"verify_exp": False, "verify_iat": False}
    return dict(jwt.decode(token, key, algorithms=["EdDSA"], audience="a", options=options))


@pytest.mark.parametrize(
    ("event", "purpose", "expected"),
    [
        (ACCEPTED, Purpose(Mode.VERIFY, name="bob"), {"decision": "accept", "reasons": ["voice_match"], "sub": "bob"}),
        (NOBODY, Purpose(Mode.VERIFY, name="bob"), {"decision": "reject", "reasons": ["nobody"], "sub": "bob"}),
        (ACCEPTED, Purpose(Mode.IDENTIFY), {"decision": "accept", "reasons": ["voice_match"], "sub": "ada"}),
        (NOBODY, Purpose(Mode.IDENTIFY), {"decision": "reject", "reasons": ["nobody"]}),
        (Enrolled(0, 3, 6.0, PHRASE), Purpose(Mode.ENROLL, name="bob"), {"decision": "enrolled", "sub": "bob"}),
    ],
)
def test_the_claims(tmp_path: Path, event: Decided, purpose: Purpose, expected: dict[str, Any]) -> None:
    with application(tmp_path) as watched:
        verdicts = Verdicts(watched.store.signing_keys, AccessSettings(), Clock())
        for extra in ({}, {"nonce": "n"}, {"prompt": PromptKind.DIGITS}):
            if "prompt" in extra and purpose.mode is Mode.ENROLL:
                continue
            asked = Purpose(purpose.mode, name=purpose.name, audience="a", **extra)
            told = claims(verdicts, event, asked)
            assert len(told.pop("jti")) == 32
            assert told.pop("amr", None) == (["vbm"] if expected["decision"] == "accept" else None)
            rest = {"iss": "streamauth", "aud": "a", "iat": 1000, "exp": 1060, "mode": purpose.mode.value}
            assert told == expected | rest | extra


def test_a_policy_that_asks_for_a_second_factor(tmp_path: Path) -> None:
    with application(tmp_path / "signed") as watched:
        verdicts = Verdicts(watched.store.signing_keys, AccessSettings(second_factor=True), Clock())
        for event in (ACCEPTED, NOBODY):
            assert (
                claims(verdicts, event, Purpose(Mode.VERIFY, name="bob", audience="a"))["second_factor"] == "required"
            )
    for wanted in (False, True):
        with server(tmp_path / str(wanted), access={"second_factor": wanted}) as (url, watched):
            made = Web(url, key_of(watched))("POST", "/v1/sessions", {"mode": "verify", "name": "ada", "audience": "a"})
            assert made.json["second_factor"] is wanted


def test_a_key_that_is_too_old_is_replaced_and_its_verdicts_still_verified(tmp_path: Path) -> None:
    clock = Clock()
    with Store.open(tmp_path, None, {}, clock=clock) as store:
        verdicts = Verdicts(store.signing_keys, AccessSettings(signing_key_days=1), clock)
        asked = Purpose(Mode.VERIFY, name="ada", audience="a")
        first = verdicts.sign(ACCEPTED, asked).token
        clock.now_s += 86_400
        second = verdicts.sign(ACCEPTED, asked).token
        kids = [jwt.get_unverified_header(token)["kid"] for token in (second, first)]
        assert kids[0] != kids[1]
        assert [key["kid"] for key in verdicts.published()["keys"]] == kids


def test_what_cannot_be_signed_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise KeyMissing

    with server(tmp_path) as (url, _):
        monkeypatch.setattr(Verdicts, "sign", missing)
        with Peer(url) as peer:
            peer.start(name="bob", audience="a")
            peer.send(spoken(PHRASE, 2))
            heard = peer.rest()
            assert "decision" not in {message["type"] for message in heard}
            assert (heard[-1]["code"], peer.socket.close_code) == ("key_missing", 1011)


def test_an_enrollment_by_a_session_token_is_signed(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        body = {"mode": "enroll", "name": "eve", "phrase": PHRASE, "audience": "a", "nonce": "n"}
        session = Web(url, key_of(watched))("POST", "/v1/sessions", body).json
        with Peer(url) as peer:
            peer.start("enroll", name=None, token=session["token"])
            for _ in range(3):
                peer.send(spoken(PHRASE, STRANGER))
                peer.say(type="end_utterance")
            *_, signed, enrolled = peer.rest()
        assert (signed["type"], enrolled["type"]) == ("signed_verdict", "enrolled")
        told = jwt.decode(signed["token"], options={"verify_signature": False})
        assert (told["decision"], told["sub"], told["nonce"]) == ("enrolled", "eve", "n")
