"""The store: one open database, with one part for each concern."""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from streamauth.settings import StoreSettings
from streamauth.store.api_keys import ApiKeys
from streamauth.store.attempts import Attempts
from streamauth.store.audit import Audit
from streamauth.store.database import Database
from streamauth.store.enrollments import Enrollments
from streamauth.store.gallery import Gallery
from streamauth.store.holds import Holds
from streamauth.store.keys import KeySource
from streamauth.store.maintenance import Maintenance
from streamauth.store.migrations import upgrade
from streamauth.store.private import refuse_exposed
from streamauth.store.profiles import Profiles
from streamauth.store.prompts import Prompts
from streamauth.store.rates import Rates
from streamauth.store.recordings import Recordings
from streamauth.store.sealed_database import SealedDatabase
from streamauth.store.session_tokens import SessionTokens
from streamauth.store.sign_ins import SignIns
from streamauth.store.signing_keys import SigningKeys
from streamauth.store.standing import Standings
from streamauth.store.templates import Templates
from streamauth.store.tenants import Tenants
from streamauth.store.trails import Trails
from streamauth.store.voiceprints import Voiceprints

if TYPE_CHECKING:
    from streamauth.store.door_plan import DoorPlan
    from streamauth.store.doors import Doors
    from streamauth.store.outbox import Outbox
    from streamauth.store.site_state import SiteState


class Store:
    """Profiles and all that belongs to them. Open it with ``open``. Threads may share it.

    Each method of a part is one transaction: it happens wholly or not at all. Any of them may also raise
    StoreCorrupt, StoreBusy, DiskFull or StoreError, and KeyWrong or KeyMissing after another process has changed the
    key.

    Args:
        sealed: The open database with its key.

    Attributes:
        tenants: Who owns profiles, prompts and keys.
        profiles: Who is known.
        enrollments: The utterances that profiles were enrolled with.
        voiceprints: What profiles are compared by.
        templates: Further voiceprints of a profile.
        gallery: All voiceprints of a tenant, for identification.
        recordings: Enrolled speech, where it is kept.
        trails: By which recordings of earlier attempts are known.
        attempts: Charges of attempts, delays and locks.
        standings: What running attempts rely on.
        audit: What was decided and changed.
        prompts: Random prompts that wait to be said.
        api_keys: Keys of programs.
        session_tokens: Tokens for one session.
        sign_ins: Who is at a web page with an API key.
        signing_keys: Keys that sign verdicts.
        rates: How often things happened.
        maintenance: Checks, and changes of the sealing key.
    """

    def __init__(self, sealed: SealedDatabase) -> None:
        self._sealed = sealed
        self.tenants = Tenants(sealed)
        self.profiles = Profiles(sealed)
        self.enrollments = Enrollments(sealed)
        self.voiceprints = Voiceprints(sealed)
        self.templates = Templates(sealed)
        self.gallery = Gallery(sealed)
        self.recordings = Recordings(sealed)
        self.trails = Trails(sealed)
        self.attempts = Attempts(sealed)
        self.standings = Standings(sealed)
        self.audit = Audit(sealed)
        self.prompts = Prompts(sealed)
        self.api_keys = ApiKeys(sealed)
        self.session_tokens = SessionTokens(sealed)
        self.sign_ins = SignIns(sealed)
        self.signing_keys = SigningKeys(sealed)
        self.rates = Rates(sealed.database)
        self.maintenance = Maintenance(sealed)

    # a command that only hears somebody need not know of doors

    @cached_property
    def outbox(self) -> "Outbox":
        """Events of doors that wait to be delivered."""
        from streamauth.store.outbox import Outbox

        return Outbox(self._sealed.database)

    @cached_property
    def doors(self) -> "Doors":
        """How doors stand, and commands that wait for them."""
        from streamauth.store.doors import Doors

        return Doors(self._sealed)

    @cached_property
    def door_plan(self) -> "DoorPlan":
        """Who may pass which door when."""
        from streamauth.store.door_plan import DoorPlan

        return DoorPlan(self._sealed)

    @cached_property
    def site_state(self) -> "SiteState":
        """What a kiosk's copy knows of its site."""
        from streamauth.store.site_state import SiteState

        return SiteState(self._sealed)

    @classmethod
    def open(
        cls,
        home: Path,
        settings: StoreSettings | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        clock: Callable[[], float] | None = None,
    ) -> Self:
        """Open the store of a data folder; make it, or bring it to the present schema, where needed.

        Args:
            home: The data folder, made if missing. The store is its ``streamauth.db``, and the key lies where
                ``settings.key_folder`` says, where the settings do not say otherwise.
            settings: Where store and key are.
            environment: Where the key variable is looked for; the process's own by default.
            clock: Seconds since the epoch, in place of the database's own clock.

        Raises:
            BadSetting: The URL of the store cannot be used.
            StoreCorrupt, StoreTooNew: The database is damaged, another program's, or of a later version.
            KeyMissing, KeyWrong, KeyExposed: The key cannot be found, is another one, or is not kept secret.
            StoreExposed, StoreRolledBack: Other users can reach its files, or it is an older copy.
            StoreBusy, DiskFull, StoreError: The database cannot be used now.
        """
        settings = settings or StoreSettings()
        location = settings.url or home / "streamauth.db"
        database = Database(location, busy_timeout_s=settings.busy_timeout_s, clock=clock)
        try:
            upgrade(database)
            if settings.refuse_exposed and database.file is not None:
                refuse_exposed(database.file)
            version_file = Path(settings.version_file) if settings.version_file else None
            keys = KeySource.of(home, settings, environment)
            sealed = SealedDatabase(database, keys, version_file, refuse_older=settings.refuse_older)
            sealed.unlock()
            sealed.finish_wipe()
        except BaseException:
            database.close()
            raise
        return cls(sealed)

    def holds(self, mine: Callable[[], Mapping[str, int]]) -> Holds:
        """Counts what this process does at the same time, beside all others; ``mine`` tells how much that is."""
        return Holds(self._sealed.database, mine)

    def close(self) -> None:
        """Close all connections. The store must not be used afterwards."""
        self._sealed.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
