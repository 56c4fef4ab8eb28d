"""The collections of profiles of v2.0 and 2021-09-05."""

from dataclasses import dataclass

import pytest

from tests.azure.rig import TD2, TD3, TII2, TII3, TIV2, TIV3, Client, v3


@dataclass(frozen=True)
class Base:
    """One collection of profiles of one generation."""

    path: str

    @property
    def late(self) -> bool:
        return self.path.startswith("/speaker-recognition")

    @property
    def unit(self) -> str:
        return "InSec" if self.late else ""

    @property
    def words(self) -> bool:
        return "text-dependent" in self.path

    def url(self, rest: str = "", **query: str) -> str:
        """An address under the profiles; ``:verb`` as this generation writes it."""
        if not self.late:
            rest = rest.replace(":", "/")
        address = f"{self.path}/profiles{rest}"
        if self.late:
            return v3(address, **query)
        return address + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")

    def create(self, azure: Client, locale: str = "en-us") -> str:
        reply = azure("POST", self.url(), {"locale": locale})
        assert reply.status == 201, reply.body
        return str(reply.json["profileId"])


BASES = [Base(path) for path in (TD2, TIV2, TII2, TD3, TIV3, TII3)]
FREE = [base for base in BASES if not base.words]
WORDS = [base for base in BASES if base.words]
every = pytest.mark.parametrize("base", BASES, ids=lambda base: base.path)
free = pytest.mark.parametrize("base", FREE, ids=lambda base: base.path)
words = pytest.mark.parametrize("base", WORDS, ids=lambda base: base.path)
