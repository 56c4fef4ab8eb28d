"""The REST interface against its own description, by schemathesis: no other answers, and no 500."""

from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.server.rig import server
from tests.server.web import Web, key_of

pytestmark = pytest.mark.system

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
OF_A_PROFILE = ("/enrollments", "/verifications", "/reset", "/unlock")


PARTS = 3
"""So that no test takes long."""


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_the_rest_interface_keeps_to_its_description(tmp_path: Path, mode: GenerationMode, part: int) -> None:
    bounded = settings(
        max_examples=10,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    limits = {"key_burst": 1_000_000, "address_burst": 1_000_000, "max_open_tokens": 1_000_000}
    with server(tmp_path, access=limits) as (url, watched):
        web = Web(url, key_of(watched))
        described = schemathesis.openapi.from_dict(web("GET", "/openapi.json").json)
        ada, tried = web.profile_id("ada"), set[str]()
        for result in islice(described.get_all_operations(), part, None, PARTS):
            assert not isinstance(result, Err), result
            operation = result.ok()

            @bounded
            @given(case=operation.as_strategy(generation_mode=mode))
            def fuzz(case: "schemathesis.Case[Any]") -> None:
                if case.path.endswith(OF_A_PROFILE):
                    case.path_parameters["profile_id"] = ada  # nobody guesses an id
                tried.add(f"{case.method} {case.path}")
                case.call_and_validate(base_url=web.base, headers=web.headers, checks=CHECKS, timeout=60)

            with suppress(Unsatisfiable):  # there is no wrong way to ask for what takes no arguments
                fuzz()
        assert len(tried) >= 6
        assert web("GET", "/readyz").status == 200
        assert web.profile_id("ada") == ada
