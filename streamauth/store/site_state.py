"""What a store knows of the site that it is a copy of, as one sealed value: kept by a kiosk beside its copy."""

import json
from typing import Any

from sqlalchemy import insert, select, update

from streamauth.errors import StoreCorrupt
from streamauth.store.door_schema import door_site
from streamauth.store.sealed_database import StorePart

_NAME = "state"
_CONTEXT = "site state"


class SiteState(StorePart):
    """The one value."""

    def load(self) -> dict[str, Any]:
        """What was last saved; empty where nothing was.

        Raises:
            StoreCorrupt: It was changed by somebody else.
        """
        with self._sealed.read() as connection:
            value = connection.scalar(select(door_site.c.value).where(door_site.c.name == _NAME))
            if value is None:
                return {}
            content = self._sealed.key(connection).unseal(value, _CONTEXT, _NAME)
        try:
            found = json.loads(content)
        except ValueError:
            raise StoreCorrupt from None
        if not isinstance(found, dict):
            raise StoreCorrupt
        return found

    def save(self, state: dict[str, Any]) -> None:
        """Put it in place of the former one."""
        with self._sealed.write() as connection:
            value = self._sealed.key(connection).seal(json.dumps(state).encode("ascii"), _CONTEXT, _NAME)
            changed = connection.execute(update(door_site).where(door_site.c.name == _NAME).values(value=value))
            if not changed.rowcount:
                connection.execute(insert(door_site).values(name=_NAME, value=value))
