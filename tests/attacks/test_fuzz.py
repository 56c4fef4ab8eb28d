"""Anything at all, to every entrance: a bounded run of ``scripts.attack.fuzz``, whose judge can find something."""

import pytest

from scripts.attack.fuzz import Findings, fuzz_part
from scripts.attack.odd import MARK
from scripts.attack.shots import Known, Request
from scripts.attack.targets import OWNERS, UNHEARD_OF, Answer

KNOWN = Known({"": "", "verify": "a key of many letters"}, [], OWNERS, {})


@pytest.mark.system
def test_a_thousand_requests_messages_and_lines_find_nothing() -> None:
    findings = Findings()
    fuzz_part(1000, "tests", findings)
    assert findings.messages >= 1000
    assert not findings.kinds, findings.examples
    # it gets as far as decisions, and is not merely turned away at the door
    assert {"Request 200", "Talk 101", "Lines 0"} <= {
        what[: what.index(" ", what.index(" ") + 1)] for what in findings.answers
    }


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, "{}"),
        Answer(200, "a key of many letters"),
        Answer(200, UNHEARD_OF),
        Answer(400, f'{{"error":"{MARK}"}}'),
        Answer(200, '{"decision":"accept"}'),
        Answer(0, "", "KeyError left the application"),
    ],
)
def test_what_must_not_be_is_found(answer: Answer) -> None:
    findings = Findings()
    findings.judge(Request("verify", "POST", "/v1/identifications"), answer, KNOWN)
    assert findings.kinds
