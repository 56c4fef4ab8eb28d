"""Builds a kiosk from its settings."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamauth.catalog.registry import Catalog
from streamauth.core.door.access import Direction, PassbackRule
from streamauth.core.door.command import DoorCommand
from streamauth.core.door.door import Door, DoorRule
from streamauth.core.phrase.prompt import PromptKind, PromptPlan
from streamauth.engines.loader import Engines
from streamauth.errors import BadSetting
from streamauth.kiosk.app import Kiosk, OpenMicrophone, Parts
from streamauth.kiosk.chores import Chores
from streamauth.kiosk.claims import Claims
from streamauth.kiosk.delivery import Courier
from streamauth.kiosk.gate import Gate, GateRule
from streamauth.kiosk.health import Part, disk_is_well, engines_are_well, store_is_well
from streamauth.kiosk.identity import Identity
from streamauth.kiosk.keeper import DoorKeeper
from streamauth.kiosk.reader import Reader
from streamauth.kiosk.recorder import Recorder
from streamauth.kiosk.site_copy import SiteCopy, steady_s
from streamauth.kiosk.site_link import SiteLink, SiteSink
from streamauth.kiosk.visit import VisitRule
from streamauth.kiosk.voices import Voices
from streamauth.kiosk.web import KioskFacts, ScreenFeed, ScreenServer, Touch, TouchKind
from streamauth.outputs.command import CommandDoor, CommandSink, command_words
from streamauth.outputs.gpio import GpioDoor, GpioPins
from streamauth.outputs.mqtt import MqttBroker, MqttSink
from streamauth.outputs.osdp import OsdpReader
from streamauth.outputs.ports import DoorHardware, Sink
from streamauth.outputs.unwired import UnwiredDoor
from streamauth.outputs.webhook import WebhookSink
from streamauth.service.authenticator import Authenticator
from streamauth.settings import DoorSettings, KioskSettings, Settings, StoreSettings
from streamauth.settings.doors import NO_PIN
from streamauth.store.store import Store

CHUNKS_PER_S = 25
"""How often the microphone gives audio: a whole tenth of a second would be waited for at the end of the words."""

_SCREEN_LANGUAGES = ("en", "de", "fr", "es", "zh")


def build_kiosk(
    authenticator: Authenticator,
    folder: Path,
    *,
    open_microphone: OpenMicrophone | None = None,
    pin_factory: Any = None,
    clock: Callable[[], float] = time.time,
    open_site: Callable[[], Store] | None = None,
    steady: Callable[[], float] = steady_s,
) -> Kiosk:
    """A kiosk with all its parts; nothing of it runs yet.

    Args:
        authenticator: The one application object.
        folder: The data folder, whose disk is watched.
        open_microphone: In place of the microphone of the settings.
        pin_factory: In place of gpiozero's own choice.
        clock: Seconds since the epoch, for schedules.
        open_site: Opens the store of the site that the authenticator's own is a copy of; None where it is none.
        steady: Seconds of a clock that nobody sets, for the age of the copy.

    Raises:
        BadSetting: A setting cannot be used.
        StoreError: The store cannot be used.
    """
    settings = authenticator.settings
    door, kiosk = settings.door, settings.kiosk
    store = authenticator.store
    zone = door_zone(door.zone)
    rule = visit_rule(settings)

    commands: list[Callable[[DoorCommand], None]] = []
    sinks = door_sinks(door, commands)
    links: list[SiteLink] = []
    if open_site is not None:
        sinks.append(SiteSink(links))
    couriers = [Courier(store.outbox, sink, door.name) for sink in sinks]

    def wake() -> None:
        for courier in couriers:
            courier.wake()

    recorder = Recorder(store.outbox, [sink.name for sink in sinks], wake)
    whole: list[Kiosk] = []
    keeper = DoorKeeper(
        door.name,
        Door(door_rule(door), store.doors.mode_of(door.name)),
        door_hardware(door, pin_factory),
        recorder,
        area=door.area,
        direction=door.direction,
        on_view=lambda view: whole[0].view_changed(view),
    )
    commands.append(keeper.obey)
    if open_site is not None:
        copy = SiteCopy(store, door.name, area=door.area, most_age_s=kiosk.offline_h * 3600, clock=clock, steady=steady)
        links.append(SiteLink(copy, open_site, keeper, lambda too_old: whole[0].age_changed(too_old)))
    link = links[0] if links else None
    gate_rule = GateRule(
        zone,
        PassbackRule(door.passback),
        door.area,
        Direction(door.direction),
        door.forgive_after_h * 3600,
        round(door.extended_s * 1000),
    )
    chores = Chores(
        store.doors,
        store.outbox,
        keeper,
        zone=zone,
        self_check_hour=kiosk.self_check_hour,
        keep_days=door.keep_events_days,
        clock=clock,
    )
    feed = ScreenFeed(kiosk_facts(settings))
    made = Kiosk(
        Parts(
            recorder=recorder,
            keeper=keeper,
            gate=Gate(
                gate_rule,
                store.door_plan,
                store.outbox,
                keeper,
                clock,
                out_of_date=lambda: link is not None and link.copy.too_old,
            ),
            claims=Claims(store.door_plan),
            voices=Voices(authenticator),
            couriers=couriers,
            chores=chores,
            feed=feed,
            server=ScreenServer(feed, lambda touch: whole[0].touch(touch), kiosk.host, kiosk.port),
            rule=rule,
            speech=settings.speech,
            open_microphone=open_microphone or _microphone(kiosk.device),
            reader=_reader(kiosk, lambda text: whole[0].touch(Touch(TouchKind.CLAIM, text))),
            identity=Identity(folder),
            link=link,
        )
    )
    whole.append(made)
    chores.parts += [
        Part("microphone", lambda: made.microphone_is_well),
        Part("engines", lambda: engines_are_well(authenticator)),
        Part("store", lambda: store_is_well(authenticator)),
        Part("disk", lambda: disk_is_well(folder)),
        Part("door", lambda: keeper.lives and not keeper.view.problem),
        *(Part(f"output {courier.sink.name}", lambda courier=courier: not courier.failing) for courier in couriers),  # type: ignore[misc]
    ]
    chores.on_view += [sink.show for sink in sinks if isinstance(sink, MqttSink)]
    return made


def open_parts(home: Path, settings: Settings) -> tuple[Authenticator, Callable[[], Store] | None]:
    """What a kiosk works on: the store itself, or its own copy where the store is a server's.

    Returns:
        The application object; and what opens the site's store, where the other one is a copy of it.

    Raises:
        StoreError: The store of this machine cannot be opened. A server's is not asked for here.
    """
    address = settings.store.url
    if "://" not in address or address.startswith("sqlite") or not settings.kiosk.offline_h:
        return Authenticator.open(home, settings), None
    # a key of its own: whoever takes the kiosk away has the voiceprints of one door, and no key of the site's copy
    near = Store.open(home / "kiosk", StoreSettings(busy_timeout_s=settings.store.busy_timeout_s), {})
    authenticator = Authenticator(near, Engines(settings, Catalog(home)), settings)
    return authenticator, lambda: Store.open(home, settings.store)


def door_zone(name: str) -> ZoneInfo:
    """The time zone of that name; that of the system where it is empty.

    Raises:
        BadSetting: There is none.
    """
    if not name:
        name = os.environ.get("TZ", "").lstrip(":") or _system_zone()
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSetting("door.zone must be a time zone such as Europe/Berlin.") from None


def _system_zone() -> str:
    _, found, name = str(Path("/etc/localtime").resolve()).partition("zoneinfo/")
    return name if found else "UTC"


def door_rule(door: DoorSettings) -> DoorRule:
    """How the door is built."""
    return DoorRule(
        strike_ms=round(door.strike_s * 1000),
        held_ms=round(door.held_s * 1000),
        exit_ms=round(door.exit_s * 1000),
        has_contact=door.contact_pin != NO_PIN,
        relock_on_opening=door.relock_on_opening,
        exit_unlocks=door.exit_unlocks,
    )


def door_hardware(door: DoorSettings, pin_factory: Any = None) -> DoorHardware:
    """What releases the lock.

    Raises:
        BadSetting: More than one way to work the lock is set, or one of them by half.
    """
    pins = GpioPins(
        relay=_pin(door.relay_pin),
        contact=_pin(door.contact_pin),
        exit_button=_pin(door.exit_pin),
        relay_active_high=door.relay_active_high,
        bounce_s=door.bounce_ms / 1000,
    )
    if bool(door.unlock_command) != bool(door.lock_command):
        raise BadSetting("door.unlock_command and door.lock_command belong together.")
    if door.osdp_line:
        if door.unlock_command or pins.relay is not None:
            raise BadSetting("The lock is worked either by an access panel, or by a relay or commands.")
        return OsdpReader(
            Path(door.osdp_line),
            door.osdp_badge,
            _key(door.osdp_key_file),
            address=door.osdp_address,
            baud=door.osdp_baud,
        )
    wired = pins.relay is not None or pins.contact is not None or pins.exit_button is not None
    if door.unlock_command:
        if wired:
            raise BadSetting("A lock is worked either by pins or by door.unlock_command.")
        return CommandDoor(command_words(door.unlock_command), command_words(door.lock_command))
    return GpioDoor(pins, pin_factory) if wired else UnwiredDoor()


def door_sinks(door: DoorSettings, commands: list[Callable[[DoorCommand], None]]) -> list[Sink]:
    """Who is told what happens.

    Args:
        door: The settings.
        commands: Called with each command that a sink takes; may be filled later.

    Raises:
        BadSetting: One of them cannot be used.
    """
    sinks: list[Sink] = []
    if door.event_command:
        sinks.append(CommandSink(command_words(door.event_command)))
    if door.webhook_url:
        sinks.append(WebhookSink(door.webhook_url, _secret(door.webhook_secret_file, "door.webhook_secret_file")))
    if door.mqtt_host:
        password = _secret(door.mqtt_password_file, "door.mqtt_password_file") if door.mqtt_password_file else ""
        broker = MqttBroker(
            door.mqtt_host, door.mqtt_port, door.mqtt_user, password, door.mqtt_tls, door.mqtt_discovery
        )

        def obey(command: DoorCommand) -> None:
            for take in commands:
                take(command)

        sinks.append(MqttSink(door.name, broker, obey if door.mqtt_commands else None))
    return sinks


def visit_rule(settings: Settings) -> VisitRule:
    """How visitors are received."""
    kiosk = settings.kiosk
    plan = None if kiosk.prompt == "none" else PromptPlan.of(settings.prompt, PromptKind(kiosk.prompt))
    return VisitRule(
        settings.door.name,
        by_voice=kiosk.identify != "claim",
        by_claim=kiosk.identify != "voice",
        begins_by_voice=kiosk.presence == "voice",
        prompt=plan,
        listen_s=kiosk.listen_s,
        tries=kiosk.tries,
        answer_s=kiosk.answer_s,
        show_names=kiosk.show_names,
    )


def kiosk_facts(settings: Settings) -> KioskFacts:
    """What the page must know.

    Raises:
        BadSetting: A language is not there.
    """
    kiosk = settings.kiosk
    languages = tuple(code.strip() for code in kiosk.languages.split(",") if code.strip())
    if not languages or not set(languages) <= set(_SCREEN_LANGUAGES):
        raise BadSetting(f"kiosk.languages is one or more of {', '.join(_SCREEN_LANGUAGES)}, separated by commas.")
    touch = kiosk.presence == "touch" and kiosk.identify != "claim"
    by = "touch" if kiosk.identify == "voice" and touch else kiosk.identify
    return KioskFacts(settings.door.name, by, touch, languages, kiosk.operator, kiosk.contact)


def _pin(number: int) -> int | None:
    return None if number == NO_PIN else number


def _secret(path: str, setting: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise BadSetting(f"{setting} must be a file that can be read.") from None


def _key(path: str) -> bytes:
    try:
        return bytes.fromhex(_secret(path, "door.osdp_key_file"))
    except ValueError:
        raise BadSetting("door.osdp_key_file must hold 32 hexadecimal digits.") from None


def _reader(kiosk: KioskSettings, on_claim: Callable[[str], None]) -> Reader | None:
    return Reader(Path(kiosk.reader), kiosk.reader_format, on_claim) if kiosk.reader else None


def _microphone(device: str) -> OpenMicrophone:
    def open_one() -> Any:
        from streamauth.sources.microphone import Microphone

        return Microphone(device or None, chunks_per_s=CHUNKS_PER_S)

    return open_one
