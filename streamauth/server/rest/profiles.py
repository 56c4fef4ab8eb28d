"""REST: profiles."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from streamauth.server.context import Context
from streamauth.server.rest.models import MadeProfileBody, NewPhrase, NewProfile, ProfileBody, ProfileList, ProfileName
from streamauth.server.rest.part import Known, part_of_rest
from streamauth.service.authenticator import Authenticator
from streamauth.service.personal_data import personal_data
from streamauth.store.api_keys import Scope
from streamauth.store.records import Profile, ProfileSummary

ProfileId = Annotated[str, Path(max_length=64, description="The id of a profile.")]
Limit = Annotated[int, Query(ge=1, le=1000)]
After = Annotated[str | None, Query(max_length=64, description="Id of the profile before the first one wanted.")]


def profile_routes(context: Context) -> APIRouter:
    """The routes, for one server."""
    routes = part_of_rest("profiles")
    authenticator, store_pool = context.authenticator, context.store_pool
    store = authenticator.store

    @routes.get("/profiles")
    async def list_profiles(caller: Known, limit: Limit = 100, after: After = None) -> ProfileList:
        """The profiles of the key's tenant, by name. Scope: admin."""
        caller.need(Scope.ADMIN)

        def look() -> ProfileList:
            found = store.profiles.summaries(tenant=caller.tenant)
            ids = [summary.profile.id for summary in found]
            begin = ids.index(store.profiles.get_by_id(after, tenant=caller.tenant).id) + 1 if after is not None else 0
            page = [described(authenticator, summary) for summary in found[begin : begin + limit]]
            return ProfileList(profiles=page, next=page[-1].id if begin + limit < len(found) else None)

        return await store_pool.run(look)

    @routes.post("/profiles", status_code=201)
    async def create_profile(caller: Known, given: NewProfile) -> MadeProfileBody:
        """Make a profile, to be enrolled. Without a phrase the first utterance sets it. Scope: enroll."""
        caller.need(Scope.ENROLL)

        def make() -> MadeProfileBody:
            words = authenticator.phrases.usable(given.phrase) if given.phrase is not None else ()
            sounds = authenticator.phrases.proposed_sounds(words)
            phrase = " ".join(words) or None
            profile = store.profiles.create(
                given.name, given.kind, phrase=phrase, tenant=caller.tenant, consent=given.consent
            )
            return MadeProfileBody(**dict(one(authenticator, profile)), proposed_sounds=sounds or None)

        # a phrase is judged by the recognizer
        return await context.workers.run(make)

    @routes.post("/profiles/find")
    async def find_profile(caller: Known, given: ProfileName) -> ProfileBody:
        """The profile of a name. Scope: admin or verify."""
        caller.need(Scope.ADMIN, Scope.VERIFY)
        return await store_pool.run(lambda: one(authenticator, store.profiles.get(given.name, tenant=caller.tenant)))

    @routes.get("/profiles/{profile_id}")
    async def get_profile(caller: Known, profile_id: ProfileId) -> ProfileBody:
        """One profile. Scope: admin or verify."""
        caller.need(Scope.ADMIN, Scope.VERIFY)
        return await store_pool.run(
            lambda: one(authenticator, store.profiles.get_by_id(profile_id, tenant=caller.tenant))
        )

    @routes.delete("/profiles/{profile_id}", status_code=204, response_class=Response)
    async def delete_profile(caller: Known, profile_id: ProfileId, response: Response) -> None:
        """Delete a profile and every trace of it; the header Streamauth-Receipt proves it later. Scope: admin."""
        caller.need(Scope.ADMIN)

        def remove() -> str:
            found = store.profiles.get_by_id(profile_id, tenant=caller.tenant).id
            return store.profiles.delete(found, actor=caller.key_id)[0].text()

        response.headers["Streamauth-Receipt"] = await store_pool.run(remove)

    @routes.get("/profiles/{profile_id}/export")
    async def export_profile(caller: Known, profile_id: ProfileId, response: Response) -> dict[str, Any]:
        """Everything that is kept of a person, without what would let somebody in. Scope: admin."""
        caller.need(Scope.ADMIN)
        response.headers["Cache-Control"] = "no-store"

        def look() -> dict[str, Any]:
            name = store.profiles.get_by_id(profile_id, tenant=caller.tenant).name
            return personal_data(store, name, caller.tenant)

        return await store_pool.run(look)

    @routes.put("/profiles/{profile_id}/phrase")
    async def correct_phrase(caller: Known, profile_id: ProfileId, given: NewPhrase) -> MadeProfileBody:
        """Correct the pass phrase that the first utterance has set, before another one is taken. Scope: enroll."""
        caller.need(Scope.ENROLL)

        def correct() -> MadeProfileBody:
            profile = store.profiles.get_by_id(profile_id, tenant=caller.tenant)
            sounds = authenticator.correct_phrase(
                profile.name, given.phrase, tenant=caller.tenant, key_id=caller.key_id
            )
            return MadeProfileBody(**dict(one(authenticator, profile)), proposed_sounds=sounds or None)

        # a phrase is judged by the recognizer
        return await context.workers.run(correct)

    @routes.post("/profiles/{profile_id}/reset")
    async def reset_profile(caller: Known, profile_id: ProfileId) -> ProfileBody:
        """Drop the enrollment of a profile, so that it can be enrolled anew. Scope: admin."""
        caller.need(Scope.ADMIN)
        return await store_pool.run(partial(_after, authenticator, store.profiles.reset, profile_id, caller.tenant))

    @routes.post("/profiles/{profile_id}/unlock")
    async def unlock_profile(caller: Known, profile_id: ProfileId) -> ProfileBody:
        """Forget the failed attempts of a profile, and with them its delay or lock. Scope: admin."""
        caller.need(Scope.ADMIN)
        return await store_pool.run(partial(_after, authenticator, store.attempts.unlock, profile_id, caller.tenant))

    return routes


def one(authenticator: Authenticator, profile: Profile) -> ProfileBody:
    """A profile as it is told.

    Raises:
        UnknownProfile: It is gone.
    """
    return described(authenticator, authenticator.store.profiles.summaries(name=profile.name, tenant=profile.tenant)[0])


def described(authenticator: Authenticator, summary: ProfileSummary) -> ProfileBody:
    """A profile with its counts as it is told. Its phrase is not: who verifies need not know it."""
    profile = summary.profile
    return ProfileBody(
        id=profile.id,
        name=profile.name,
        kind=profile.kind,
        status="enrolled" if summary.enrolled_encoders else "enrolling",
        locale=profile.locale,
        utterances=summary.utterances,
        speech_s=round(summary.speech_s, 3),
        failures=summary.failures,
        locked=summary.failures >= authenticator.settings.attempts.lock_after,
        created_at=profile.created_at,
        updated_at=profile.updated_at,
    )


def _after(authenticator: Authenticator, change: Callable[[str], None], profile_id: str, tenant: str) -> ProfileBody:
    profile = authenticator.store.profiles.get_by_id(profile_id, tenant=tenant)
    change(profile.id)
    return one(authenticator, profile)
