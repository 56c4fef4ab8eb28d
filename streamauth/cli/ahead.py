"""The models of a command that is about to hear somebody, loaded while its options are parsed and the store is opened.

Most of a cold start is spent on importing modules, which takes one core; most of loading models needs no interpreter,
so that another core can do it meanwhile.
"""

import gc
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from streamauth.errors import StreamAuthError

if TYPE_CHECKING:
    from streamauth.engines.loader import Engines
    from streamauth.settings import Settings

_SWITCH_S = 0.0002
_HELP = ("-h", "--help")
_LIVE = ("--mic", "-")
_OWN = ("--local", "--continuous", "--device", "--store")

_begun: "list[Engines]" = []


def heard(arguments: Sequence[str]) -> Literal["nothing", "voice", "words"]:
    """What a command will listen to, as far as its arguments tell before they are parsed."""
    there = any(argument in _LIVE or os.path.isfile(argument) for argument in arguments[1:])
    at_microphone = len(arguments) > 1 and arguments[0] == "listen" and _listens_here(arguments)
    if not (there or at_microphone) or any(argument in _HELP for argument in arguments):
        return "nothing"
    match arguments[0]:
        case "listen":
            return "words" if at_microphone else "nothing"
        case "verify":
            return "words"
        case "enroll":
            return "voice" if "--text-independent" in arguments else "words"
        case "identify":
            return "words" if any("prompt" in argument for argument in arguments) else "voice"
    return "nothing"


def _listens_here(arguments: Sequence[str]) -> bool:
    """Whether ``listen`` needs the models itself: where no login daemon could do it."""
    from streamauth.login import protocol

    return any(argument in _OWN for argument in arguments) or not os.path.exists(protocol.SOCKET)


@contextmanager
def loading(arguments: Sequence[str]) -> Iterator[None]:
    """Begin to load the models of a command; ``engines`` gives them to it.

    Nothing is told of what fails: the command fails in the same way, and tells it.
    """
    wanted = heard(arguments)
    if wanted == "nothing":
        yield
        return
    gc.disable()
    before_s = sys.getswitchinterval()
    # importing holds the interpreter; the thread that loads asks for it often, for moments
    sys.setswitchinterval(_SWITCH_S)
    try:
        from streamauth.catalog.registry import Catalog
        from streamauth.engines.loader import Engines
        from streamauth.settings import load_settings

        try:
            begun = Engines(load_settings(), Catalog())
        except StreamAuthError:
            yield
            return
        with begun.loading(with_words=wanted == "words"):
            _begun.append(begun)
            yield
    finally:
        _begun.clear()
        gc.enable()
        sys.setswitchinterval(before_s)


def engines(settings: "Settings") -> "Engines":
    """The engines for these settings: those that are loading already, if any are."""
    from streamauth.catalog.registry import Catalog
    from streamauth.engines.loader import Engines

    return _begun[0] if _begun else Engines(settings, Catalog())


def all_imported() -> None:
    """Look for garbage again, which is not done while modules are imported, and never among these."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
