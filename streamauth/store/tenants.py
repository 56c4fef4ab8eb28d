"""Tenants: who owns profiles, prompts and API keys. What one tenant owns, no other sees."""

from sqlalchemy import Connection, insert, select

from streamauth.store.names import stored_name
from streamauth.store.schema import tenants
from streamauth.store.sealed_database import SealedDatabase, StorePart


class Tenants(StorePart):
    """Making tenants."""

    def create(self, tenant: str) -> None:
        """Make a tenant, if it is not there.

        Raises:
            BadProfileName: It cannot be a name.
        """
        tenant = stored_name(tenant)
        with self._sealed.write() as connection:
            ensure_tenant(connection, self._sealed, tenant)


def ensure_tenant(connection: Connection, sealed: SealedDatabase, tenant: str) -> None:
    """Make a tenant in this transaction, if it is not there."""
    sealed.database.lock(connection, "tenants")
    if connection.scalar(select(tenants.c.id).where(tenants.c.id == tenant)) is None:
        connection.execute(insert(tenants).values(id=tenant, created_ms=sealed.database.now_ms(connection)))
