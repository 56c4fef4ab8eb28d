"""``streamauth doctor``: what is installed, what is missing, and what to do about it."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from streamauth.cli import options
from streamauth.cli.output import EXIT_INTERNAL, EXIT_OK, Output, counted, opened

_PACKAGES = (
    *("numpy", "onnxruntime", "soxr", "soundfile", "webrtcvad-wheels", "vosk", "kaldi-native-fbank", "websockets"),
    *("fastapi", "uvicorn", "pyjwt", "prometheus-client"),
)


@dataclass(frozen=True)
class Check:
    """One thing looked at.

    Attributes:
        name: What it is.
        ok: Whether it is as it should be.
        found: What there is.
        advice: What to do; empty if nothing.
        needed: Whether the main job fails without it.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""
    needed: bool = True


def doctor(store: options.Store = None, json: options.Json = False) -> int:
    """Show what is installed, which models and devices there are, and what to do about what is missing."""
    output = Output(json)
    with output.busy("Looking"):
        checks = [
            check for look in (_python, _packages, _core_dumps, _settings, _models, _microphone) for check in look()
        ]
        checks += _store(store)
    ready = all(check.ok for check in checks if check.needed)
    lines = []
    for check in checks:
        mark = "ok  " if check.ok else "FAIL" if check.needed else "--  "
        lines.append(f"{mark}  {check.name}: {check.found}")
        if check.advice:
            lines.append(f"      {check.advice}")
    lines.append("Ready." if ready else "Not ready: mend what is marked FAIL.")
    output.result({"ready": ready, "checks": [vars(check) for check in checks]}, "\n".join(lines))
    return EXIT_OK if ready else EXIT_INTERNAL


def _tried(name: str, look: Callable[[], str], needed: bool = True) -> Check:
    from streamauth.errors import StreamAuthError

    try:
        return Check(name, True, look(), needed=needed)
    except StreamAuthError as error:
        return Check(name, False, error.code, error.message, needed)
    except Exception as error:
        return Check(name, False, type(error).__name__, "Install streamauth again.", needed)


def _python() -> list[Check]:
    import platform

    return [Check("Python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.system()}")]


def _core_dumps() -> list[Check]:
    from streamauth.cli.dumps import are_off, switch_off

    switch_off()
    off = are_off()
    advice = "" if off else "A crash may write voiceprints to the disk: switch core dumps off for this user."
    return [Check("core dumps", off, "off" if off else "on", advice, needed=False)]


def _packages() -> list[Check]:
    from importlib.metadata import PackageNotFoundError, version

    checks = []
    for name in _PACKAGES:
        try:
            checks.append(Check(name, True, version(name)))
        except PackageNotFoundError:
            checks.append(Check(name, False, "not installed", f"pip install {name}"))
    return checks


def _settings() -> list[Check]:
    from streamauth.settings import data_folder, load_settings

    def look() -> str:
        load_settings()
        return str(data_folder())

    return [_tried("data folder and settings", look)]


def _models() -> list[Check]:
    from streamauth.engines.loader import Engines
    from streamauth.errors import BadSetting
    from streamauth.settings import Settings, load_settings

    try:
        settings = load_settings()
    except BadSetting:
        settings = Settings()
    engines = Engines(settings)
    return [
        _tried("voice activity detector", lambda: engines.detector().id),
        _tried("speaker encoder", lambda: engines.encoder().id),
        _tried("calibration", lambda: engines.models(with_words=False).calibration.encoder_id),
        _tried("pass-phrase recognizer", lambda: engines.recognizer().id),
    ]


def _microphone() -> list[Check]:
    def look() -> str:
        from streamauth.errors import MicrophoneUnavailable
        from streamauth.sources.microphone import list_devices

        devices = list_devices()
        if not devices:
            raise MicrophoneUnavailable("No microphone was found. Files and streams work without one.")
        return "; ".join(f"{device.number}: {device.name}" for device in devices)

    return [_tried("microphone", look, needed=False)]


def _safety(url: str | None) -> list[Check]:
    """Whether the store's rows are streamauth's own, and its files private."""
    from streamauth.errors import StoreExposed, StoreTampered

    shown = 10

    def rows() -> str:
        with opened(url) as authenticator:
            forged = [f"{each.kind} {each.id} ({each.fault})" for each in authenticator.store.maintenance.forged()]
        if forged:
            more = f", and {len(forged) - shown} more" if len(forged) > shown else ""
            raise StoreTampered(f"{', '.join(forged[:shown])}{more}. {StoreTampered.default_message}")
        return "all rows are streamauth's own"

    with opened(url) as authenticator:
        maintenance = authenticator.store.maintenance
        files, (path, fault), beside = maintenance.exposed(), maintenance.version_file, maintenance.key_beside
    checks = [_tried("rows of the store", rows)]
    if files:
        checks.append(Check("files of the store", False, ", ".join(map(str, files)), StoreExposed.default_message))
    if beside is not None:
        advice = "Whoever copies this folder has both. Move it elsewhere and set store.key_file."
        checks.append(Check("sealing key beside the store", False, str(beside), advice, needed=False))
    advice = "An older copy of the store would not be noticed. Set store.version_file to a file that can be written."
    found = f"{path}: {fault}" if fault else str(path)
    checks.append(Check("notice of older copies", not fault, found, advice if fault else "", needed=False))
    return checks


def _store(url: str | None) -> list[Check]:
    from streamauth.cli.profiles import affected
    from streamauth.errors import StreamAuthError

    def look() -> str:
        with opened(url) as authenticator:
            return counted(len(authenticator.store.profiles.summaries()), "profile")

    def changed() -> tuple[list[str], list[str]]:
        with opened(url) as authenticator:
            names = affected(authenticator)
            store = authenticator.store
            kept = [name for name in names if store.recordings.of(store.profiles.get(name).id)]
        return [name for name in names if name not in kept], kept

    checks = [_tried("store", look)]
    if checks[0].ok:
        checks += _safety(url)
        try:
            again, kept = changed()
        except StreamAuthError:
            return checks  # the encoder's own line tells why
        if again:
            advice = "Enroll them again with `streamauth enroll`, or go back to the former encoder."
            checks.append(Check("enrolled with another encoder", False, ", ".join(again), advice, needed=False))
        if kept:
            advice = "Run: streamauth profiles rebuild"
            checks.append(Check("another encoder, audio kept", False, ", ".join(kept), advice, needed=False))
    return checks
