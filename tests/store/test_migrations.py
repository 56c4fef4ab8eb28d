import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from streamauth.errors import StoreCorrupt, StoreTooNew
from streamauth.store import migrations
from streamauth.store.database import Database
from streamauth.store.door_schema import metadata
from streamauth.store.schema import SCHEMA_VERSION, VERSION_TABLE
from tests.store.helpers import assert_enrolled, enrolled, opened

STORE_KINDS = ("sqlite",)


FOLDER = Path(migrations.__file__).parent


def _execute(home: Path, statement: str) -> None:
    database = sqlite3.connect(home / "streamauth.db")
    with database:
        database.execute(statement)
    database.close()


def test_the_revisions_lead_to_the_schema_of_the_code() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_the_first_revision_stands_alone_once_there_is_a_second() -> None:
    first = (FOLDER / "versions" / "r0001_first.py").read_text("utf-8")
    assert SCHEMA_VERSION == "0001" or "streamauth" not in first


def test_migrated_tables_are_those_of_the_schema(home: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    opened(home).close()
    database = Database(home / "streamauth.db", busy_timeout_s=1)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_a_new_store_has_the_default_tenant_and_the_revision(home: Path) -> None:
    opened(home).close()
    database = sqlite3.connect(home / "streamauth.db")
    assert database.execute("SELECT id FROM tenants").fetchall() == [("default",)]
    assert database.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == [(SCHEMA_VERSION,)]  # noqa: S608
    database.close()


def test_an_older_store_is_migrated_and_keeps_what_it_has(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(home) as store:
        enrolled(store, "Anna")
    # a later code: its folder of revisions has one more
    versions = home / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_bytes((FOLDER / "env.py").read_bytes())
    for path in (FOLDER / "versions").glob("r*.py"):
        (versions / path.name).write_bytes(path.read_bytes())
    (versions / "r9000_later.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision, down_revision = '9000', {SCHEMA_VERSION!r}\n"
        "def upgrade():\n"
        "    with op.batch_alter_table('profiles', recreate='always') as table:\n"
        "        table.add_column(sa.Column('note', sa.String(9)))\n"
    )
    monkeypatch.setattr(migrations, "__file__", str(versions.parent / "__init__.py"))
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", "9000")
    with opened(home) as store:
        assert_enrolled(store, "Anna")  # although profiles was rebuilt, which others refer to
        store.maintenance.check()
    database = sqlite3.connect(home / "streamauth.db")
    assert "note" in [row[1] for row in database.execute("PRAGMA table_info(profiles)")]
    database.close()
    monkeypatch.undo()
    with pytest.raises(StoreTooNew):
        opened(home)


def test_a_store_of_a_later_version_is_not_touched(home: Path) -> None:
    opened(home).close()
    _execute(home, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
    before = (home / "streamauth.db").read_bytes()
    with pytest.raises(StoreTooNew):
        opened(home)
    assert (home / "streamauth.db").read_bytes() == before


@pytest.mark.parametrize(
    "change", ["UPDATE {} SET version_num = 'main'", "DELETE FROM {}", "INSERT INTO {} VALUES ('0')"]
)
def test_a_revision_that_makes_no_sense(home: Path, change: str) -> None:
    opened(home).close()
    _execute(home, change.format(VERSION_TABLE))
    with pytest.raises(StoreCorrupt):
        opened(home)


@pytest.mark.system
def test_an_up_to_date_store_opens_without_alembic(home: Path) -> None:
    opened(home).close()
    code = (
        "import sys; from pathlib import Path; from streamauth.store.store import Store;"
        "Store.open(Path(sys.argv[1]), environment={}).close(); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, home], check=False).returncode == 0
