"""PAM's configuration as data: files parsed, stacks run on assumed results. Pure; reads through a given function.

Source: Linux-PAM 1.5, ``pam.conf(5)`` and ``libpam/pam_dispatch.c``; ``@include`` is Debian's.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count

Read = Callable[[str], str | None]
"""The text of a service's file, None where there is no such file."""

_MAX_DEPTH = 16  # of includes; libpam's own limit
_KINDS = ("auth", "account", "password", "session")
_SHORTHAND: dict[str, dict[str, str]] = {
    "required": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "bad"},
    "requisite": {"success": "ok", "new_authtok_reqd": "ok", "ignore": "ignore", "default": "die"},
    "sufficient": {"success": "done", "new_authtok_reqd": "done", "default": "ignore"},
    "optional": {"success": "ok", "new_authtok_reqd": "ok", "default": "ignore"},
}
_TOKEN = re.compile(r"\[((?:\\.|[^\]\\])*)\]|(\S+)")


class BadPamFile(ValueError):
    """A line that libpam would not take."""


class Code(StrEnum):
    """Results of a module, as they are written in a stack."""

    SUCCESS = "success"
    AUTH_ERR = "auth_err"
    AUTHINFO_UNAVAIL = "authinfo_unavail"
    MAXTRIES = "maxtries"
    IGNORE = "ignore"
    PERM_DENIED = "perm_denied"


@dataclass(frozen=True, slots=True)
class Module:
    """One module of a stack.

    Attributes:
        name: File name without folder, as ``pam_unix.so``.
        actions: What follows from each result: ok, done, bad, die, ignore, reset or the number of modules to jump.
        within: The substacks it is in, outermost first, by number.
    """

    name: str
    actions: Mapping[str, str]
    within: tuple[int, ...] = ()

    def action(self, code: Code) -> str:
        """What follows from a result."""
        return self.actions.get(code, self.actions.get("default", "bad"))


def stack_of(service: str, read: Read) -> tuple[Module, ...]:
    """The modules that libpam would call for a service to authenticate somebody, includes followed.

    Args:
        service: Its name; ``other`` is taken where it has no file.
        read: Gives the files.

    Raises:
        BadPamFile: A line is none, or a file that is included is missing.
    """
    name = service if read(service) is not None else "other"
    return tuple(_modules(name, read, (), 0, count()))


def _modules(name: str, read: Read, within: tuple[int, ...], includes: int, numbers: Iterator[int]) -> Sequence[Module]:
    text = read(name)
    if text is None:
        raise BadPamFile(f"There is no PAM file {name}.")
    if includes > _MAX_DEPTH:
        raise BadPamFile(f"{name}: files include each other.")
    found: list[Module] = []
    for line in _logical_lines(text):
        words = [bracketed or plain for bracketed, plain in _TOKEN.findall(line)]
        if words[0] == "@include" and len(words) == 2:
            found += _modules(words[1], read, within, includes + 1, numbers)
            continue
        first = words[0].lower().removeprefix("-")  # of a module whose file may be missing
        if first not in _KINDS or len(words) < 3:
            raise BadPamFile(f"{name}: not a line of PAM: {line[:60]!r}.")
        if first != "auth":
            continue
        control = words[1].lower()
        if control in ("include", "substack"):
            inner = (*within, next(numbers)) if control == "substack" else within
            found += _modules(words[2], read, inner, includes + 1, numbers)
            continue
        found.append(Module(words[2].rpartition("/")[2], _actions(control, name), within))
    return found


def _logical_lines(text: str) -> list[str]:
    lines = []
    for line in text.replace("\\\n", " ").splitlines():
        line = line.partition("#")[0].strip()
        if line:
            lines.append(line)
    return lines


def _actions(control: str, name: str) -> Mapping[str, str]:
    if control in _SHORTHAND:
        return _SHORTHAND[control]
    actions = {}
    for pair in control.split():
        value, equals, action = pair.partition("=")
        known = action in ("ok", "done", "bad", "die", "ignore", "reset") or (action.isdecimal() and action != "0")
        if not equals or not known:
            raise BadPamFile(f"{name}: not a control of PAM: {pair!r}.")
        actions[value] = action
    if not actions:
        raise BadPamFile(f"{name}: an empty control.")
    return actions


def run_stack(stack: Sequence[Module], result: Callable[[Module], Code]) -> Code:
    """What ``pam_authenticate`` gives, where each module gives ``result``."""
    good: bool | None = None  # libpam's impression: None is undefined
    status = Code.PERM_DENIED
    starts: dict[tuple[int, ...], tuple[bool | None, Code]] = {}
    at = 0
    while at < len(stack):
        module = stack[at]
        start = starts.setdefault(module.within, (good, status))
        code = result(module)
        action = module.action(code)
        over = False
        match action:
            case "ignore":
                pass
            case "reset":
                good, status = start
            case "ok" | "done":
                if (good is None or (good and status is Code.SUCCESS)) and code is not Code.IGNORE:
                    good, status = True, code
                over = action == "done" and good is True
            case "bad" | "die":
                if good is not False:
                    good, status = False, Code.PERM_DENIED if code is Code.IGNORE else code
                over = action == "die"
            case _:
                landed = _jump(stack, at, int(action))
                if landed is None:
                    good, status = False, Code.PERM_DENIED
                    break
                at = landed
                continue
        at = _end(stack, at) if over else at + 1
    return Code.PERM_DENIED if status is Code.SUCCESS and good is not True else status


def _inside(module: Module, within: tuple[int, ...]) -> bool:
    return module.within[: len(within)] == within


def _end(stack: Sequence[Module], at: int) -> int:
    """Where it goes on after a decision: behind the innermost substack."""
    within = stack[at].within
    while within and at < len(stack) and _inside(stack[at], within):
        at += 1
    return at if within else len(stack)


def _jump(stack: Sequence[Module], at: int, jumped: int) -> int | None:
    """Where it goes on after a jump over modules; a substack counts as one. None where there are too few."""
    within = stack[at].within
    at += 1
    for _ in range(jumped):
        if at >= len(stack) or not _inside(stack[at], within):
            return None
        inner = stack[at].within[: len(within) + 1]
        at += 1
        while len(inner) > len(within) and at < len(stack) and _inside(stack[at], inner):
            at += 1
    return at
