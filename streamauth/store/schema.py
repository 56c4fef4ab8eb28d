"""The tables. Once a version is released, a change here needs a revision in ``migrations/versions`` (a test compares).

Times are whole milliseconds since the epoch, UTC. Columns of type Sealed hold what ``sealing`` made.
"""

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

from streamauth.errors import StoreCorrupt

SCHEMA_VERSION = "0001"
"""The revision that this code reads and writes."""

VERSION_TABLE = "streamauth_version"
"""Where the revision of a store is written, so that it is told apart from other programs' databases."""

DEFAULT_TENANT = "default"
"""The tenant that is always there."""

metadata = MetaData(
    naming_convention={  # names let a later revision find a constraint on every database
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


class Sealed(LargeBinary):
    """Bytes; in a damaged row anything else may stand there."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[object], bytes | None]:
        """See SQLAlchemy."""

        def process(value: object) -> bytes | None:
            if value is None or isinstance(value, bytes):
                return value
            if isinstance(value, memoryview):
                return bytes(value)
            raise StoreCorrupt

        return process


_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself in SQLite


def _profile_id(*, primary_key: bool = False) -> "Column[str]":
    parent = ForeignKey("profiles.id", ondelete="CASCADE")
    return Column("profile_id", String(36), parent, nullable=False, primary_key=primary_key)


meta = Table(
    "meta",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Sealed, nullable=False),
)

counters = Table(  # see store.changes
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

removals = Table(  # one row per profile that was deleted, see store.changes
    "removals",
    metadata,
    Column("change", BigInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)

ledger = Table(  # by which rows are known as ours, see store.ledger
    "ledger",
    metadata,
    # sorted by code points on every database
    Column("place", String(32).with_variant(String(32, collation="C"), "postgresql"), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
)

tenants = Table(
    "tenants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    # sorted by code points on every database
    Column("name", String(128).with_variant(String(128, collation="C"), "postgresql"), nullable=False),
    Column("looks", String(512), nullable=False),  # what all names that look like it share, see store.names
    Column("kind", String(32), nullable=False),
    Column("locale", String(35), nullable=False),
    Column("phrase", Sealed),
    Column("own_key", Sealed, nullable=False),  # see store.profile_keys
    Column("consent", String(64)),  # version of the text that the person agreed to
    Column("consent_ms", BigInteger),
    Column("used_ms", BigInteger),  # of the last accept, to the day
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False, unique=True),  # of the change that made it, see store.changes
    Column("change", BigInteger, nullable=False, index=True),  # of its last change
    UniqueConstraint("tenant_id", "name"),
    UniqueConstraint("tenant_id", "looks", name="uq_profiles_looks"),
    CheckConstraint("kind IN ('text_dependent', 'text_independent')", name="kind"),
)

enrollments = Table(  # one row per utterance that was confirmed to its speaker
    "enrollments",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _profile_id(),
    Column("encoder_id", String(255), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("speech_s", Double, nullable=False),
    Column("audio_s", Double, nullable=False),
    Column("embedding", Sealed, nullable=False),
    Column("pronunciation_scores", Sealed),  # how well each word of the phrase was said
    Column("rendering", Sealed),  # how the phrase was said
    Index(None, "profile_id", "encoder_id"),
    sqlite_autoincrement=True,
)

recordings = Table(  # the speech of an utterance, where it is to be kept
    "recordings",
    metadata,
    Column(
        "enrollment_id",
        _SERIAL,
        ForeignKey("enrollments.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    _profile_id(),
    Column("audio", Sealed, nullable=False),
    Index(None, "profile_id"),
)

voiceprints = Table(  # a row here means: enrolled for this encoder
    "voiceprints",
    metadata,
    _profile_id(primary_key=True),
    Column("encoder_id", String(255), primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("utterances", Integer, nullable=False),
    Column("speech_s", Double, nullable=False),
    Column("embedding", Sealed, nullable=False),
)

templates = Table(  # further voiceprints, see store.templates
    "templates",
    metadata,
    _profile_id(primary_key=True),
    Column("encoder_id", String(255), primary_key=True),
    Column("label", String(64), primary_key=True),
    Column("updated_ms", BigInteger, nullable=False),
    Column("updates", Integer, nullable=False),
    Column("embedding", Sealed, nullable=False),
)

audit = Table(  # what was decided and changed, see store.audit
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", Sealed, nullable=False),
    Column("link", LargeBinary, nullable=False),
)

trails = Table(  # by which a recording is known again, see store.trails
    "trails",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _profile_id(),
    Column("made_ms", BigInteger, nullable=False),
    Column("enrolled", Boolean, nullable=False),
    Column("trail", Sealed, nullable=False),
    Column("attempt", Sealed),  # the client's own id of the attempt
    Column("resendable", Boolean, nullable=False),
    Index(None, "profile_id"),
    sqlite_autoincrement=True,
)

attempts = Table(  # one row per charged attempt, see store.attempts
    "attempts",
    metadata,
    Column("id", _SERIAL, primary_key=True),
    _profile_id(),
    Column("began_at_s", Double, nullable=False),
    Index(None, "profile_id"),
    sqlite_autoincrement=True,  # an id that came back would let an old token undo a new charge
)

prompts = Table(  # one row per prompt that waits to be said, see store.prompts
    "prompts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("profile_id", String(36), ForeignKey("profiles.id", ondelete="CASCADE")),
    Column("kind", String(16), nullable=False),
    Column("words", Sealed, nullable=False),
    Column("expires_at_s", Double, nullable=False),
    Index(None, "tenant_id", "profile_id"),
)

api_keys = Table(  # one row per key ever made: one that is revoked stays, see store.api_keys
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("tenant_id", String(64), ForeignKey("tenants.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("scopes", String(64), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("used_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)

session_tokens = Table(  # one row per token that waits to be used, see store.session_tokens
    "session_tokens",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("key_id", String(16), ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", Sealed, nullable=False),
    Column("expires_at_s", Double, nullable=False),
    Index(None, "key_id"),
)

sign_ins = Table(  # one row per browser that somebody has shown an API key in, see store.sign_ins
    "sign_ins",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("key_id", String(16), ForeignKey("api_keys.id", ondelete="CASCADE"), nullable=False),
    Column("began_at_s", Double, nullable=False),
    Column("used_at_s", Double, nullable=False),
    Index(None, "key_id"),
)

signing_keys = Table(  # the newest signs, older ones verify what they signed, see store.signing_keys
    "signing_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("public", LargeBinary, nullable=False),
    Column("private", Sealed, nullable=False),
    Column("created_at_s", Double, nullable=False),
)

rates = Table(  # how often things happened, see store.rates; not logged in PostgreSQL
    "rates",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("level", Double, nullable=False),
    Column("at_s", Double, nullable=False),
    Column("full_s", Double, nullable=False),
    Column("enough", Boolean, nullable=False),
    Index(None, "full_s"),
)

holds = Table(  # how much processes do at the same time, see store.holds; not logged in PostgreSQL
    "holds",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("process", String(32), primary_key=True),
    Column("held", Integer, nullable=False),
    Column("until_s", Double, nullable=False),
    Index(None, "until_s"),
)

PASSING = ("rates", "holds")
"""Tables of what is worth nothing later: it is not copied, and may be lost in a crash."""
