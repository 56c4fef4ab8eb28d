"""What a phrase is worth, and what the page must know."""

from pathlib import Path

from streamauth.store.api_keys import Scope
from tests.server.rig import PHRASE, UNUSUAL_PHRASE, server
from tests.server.web import Web, key_of


def test_a_phrase_is_judged_before_it_is_said(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        web = Web(url, key_of(watched))
        good = web("POST", "/v1/phrases", {"phrase": PHRASE.upper()}).json
        assert (good["words"], good["usable"], good["reason"]) == (PHRASE.split(), True, None)
        assert web("POST", "/v1/phrases", {"phrase": "?!"}).json["usable"] is False
        unusual = web("POST", "/v1/phrases", {"phrase": UNUSUAL_PHRASE}).json
        assert unusual["proposed_sounds"]
        assert web("POST", "/v1/phrases", {"phrase": ""}).status == 422
        assert Web(url, key_of(watched, Scope.VERIFY))("POST", "/v1/phrases", {"phrase": PHRASE}).status == 403
        assert Web(url)("POST", "/v1/phrases", {"phrase": PHRASE}).status == 401


def test_the_page_is_told_what_it_may_promise(tmp_path: Path) -> None:
    with server(tmp_path) as (url, watched):
        facts = Web(url)("GET", "/page.json").json
        enrollment = watched.settings.enrollment
        assert facts["utterances"] == enrollment.utterances
        assert facts["free_speech_s"] == enrollment.text_independent_speech_s
        assert facts["keeps_audio"] is (enrollment.keep_audio_s > 0)
