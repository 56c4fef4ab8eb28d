"""All that is kept of one person, as data protection law gives everybody a right to it (GDPR, article 15 and 20)."""

from dataclasses import asdict
from typing import Any

from streamauth.store.store import Store


def personal_data(store: Store, name: str, tenant: str) -> dict[str, Any]:
    """Everything about one profile as JSON can hold it, without what would let somebody in.

    Voiceprints and trails are told of, with their sizes and times, but not given: they are as good as a key. The pass
    phrase is given only as whether there is one.

    Raises:
        UnknownProfile: The tenant has none of this name.
    """
    summary = store.profiles.summaries(name=name, tenant=tenant)[0]
    profile = summary.profile
    return {
        "profile": {
            "id": profile.id,
            "tenant": profile.tenant,
            "name": profile.name,
            "kind": profile.kind.value,
            "locale": profile.locale,
            "has_phrase": profile.phrase is not None,
            "created_at": profile.created_at.isoformat(),
            "updated_at": profile.updated_at.isoformat(),
            "last_accepted_at": profile.used_at and profile.used_at.isoformat(),
            "failures": summary.failures,
        },
        "consent": {
            "text": profile.consent,
            "at": profile.consent_at and profile.consent_at.isoformat(),
        },
        **store.profiles.kept(profile.id),
        "audit": [asdict(entry) for entry in store.audit.of(profile.id)],
    }
