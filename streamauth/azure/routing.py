"""From addresses to operations: any letter case, doubled and trailing slashes, and verbs after a colon."""

import re
from dataclasses import dataclass
from uuid import UUID

from streamauth.azure.generations import Generation, Use
from streamauth.store.api_keys import Scope

ROOTS = ("spid", "speaker", "speaker-recognition")
"""First parts of the paths."""

_USES = {
    ("verification", "text-dependent"): Use.TD,
    ("verification", "text-independent"): Use.TIV,
    ("identification", "text-independent"): Use.TII,
}
SCOPES = {
    **{"create": (Scope.ENROLL,), "enroll": (Scope.ENROLL,), "verify": (Scope.VERIFY,), "identify": (Scope.IDENTIFY,)},
    **dict.fromkeys(("list", "delete", "reset"), (Scope.ADMIN,)),
    # who enrolls asks in this API how much is missing
    "get": (Scope.ENROLL, Scope.VERIFY, Scope.ADMIN),
    # the phrases are Microsoft's; an operation asks for the scope of what it does
    **dict.fromkeys(("phrases", "status"), tuple(Scope)),
}
"""The scopes of which an operation asks for one."""
_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Route:
    """An operation and what it is done to.

    Attributes:
        generation: Of the API.
        operation: Name of the operation: create, list, get, delete, reset, enroll, verify, identify, phrases, status.
        use: What for; for ``status`` of no meaning.
        item: A profile's id, a locale or an operation's id, in small letters; empty where there is none.
    """

    generation: Generation
    operation: str
    use: Use
    item: str = ""


def parts_of(path: str) -> list[str]:
    """The parts of a path, in small letters."""
    return [part for part in path.lower().split("/") if part]


def generation_of(path: str) -> Generation | None:
    """Which generation a path belongs to; None if to none."""
    first = (parts_of(path) or [""])[0]
    return dict(zip(ROOTS, Generation, strict=True)).get(first)


def route_of(method: str, path: str) -> Route | None:
    """What is asked for; None if there is no such thing."""
    match parts_of(path):
        case ["spid", "v1.0", *rest]:
            return _first(method, rest)
        case ["speaker", mode, "v2.0", text, *rest] if use := _USES.get((mode, text)):
            return _later(Generation.V2, use, method, rest)
        case ["speaker-recognition", mode, text, *rest] if use := _USES.get((mode, text)):
            *before, last = rest or [""]
            item, colon, verb = last.partition(":")
            return _later(Generation.V3, use, method, [*before, item, *([f":{verb}"] if colon else [])])
    return None


def _first(method: str, parts: list[str]) -> Route | None:
    def route(operation: str, use: Use, item: str = "") -> Route:
        return Route(Generation.V1, operation, use, item)

    match method, parts:
        case "POST", ["verify"]:
            return route("verify", Use.TD)
        case "POST", ["identify"]:
            return route("identify", Use.TII)
        case "GET", ["verificationphrases"]:
            return route("phrases", Use.TD)
        case "GET", ["operations", item]:
            return route("status", Use.TII, item)
        case _, [("verificationprofiles" | "identificationprofiles") as which, *rest]:
            use = Use.TD if which == "verificationprofiles" else Use.TII
            match method, rest:
                case _, ([] | [_]):
                    return _collection(Generation.V1, use, method, rest)
                case "POST", [item, ("reset" | "enroll") as verb]:
                    return route(verb, use, item)
    return None


def _later(generation: Generation, use: Use, method: str, parts: list[str]) -> Route | None:
    v2 = generation is Generation.V2
    identify = "identifysinglespeaker" if v2 else ":identifysinglespeaker"
    verbs = {"reset" if v2 else ":reset": "reset", "verify" if v2 else ":verify": "verify", "enrollments": "enroll"}
    match method, parts:
        case "GET", ["phrases", locale]:
            return Route(generation, "phrases", use, locale)
        case "POST", ["profiles", last] if last == identify:
            return Route(generation, "identify", use) if use is Use.TII else None
        case _, ["profiles"]:
            return _collection(generation, use, method, [])
        case _, ["profiles", item]:
            return _collection(generation, use, method, [item])
        case "POST", ["profiles", item, verb] if verb in verbs:
            if verbs[verb] == "verify" and use is Use.TII:
                return None
            return Route(generation, verbs[verb], use, item)
    return None


def _collection(generation: Generation, use: Use, method: str, parts: list[str]) -> Route | None:
    operations = {"GET": "get", "DELETE": "delete"} if parts else {"POST": "create", "GET": "list"}
    operation = operations.get(method)
    return Route(generation, operation, use, *parts) if operation else None


def profile_id(text: str) -> str | None:
    """An id as the store has it, from one with or without hyphens; None if it is none."""
    return str(UUID(text)) if _ID.fullmatch(text.strip().lower()) else None
