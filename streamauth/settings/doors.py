"""Settings of a door and of the kiosk beside it."""

from dataclasses import dataclass

from streamauth.core.settings import Section, setting

NO_PIN = -1
"""A pin that is not wired."""


@dataclass(frozen=True)
class DoorSettings(Section):
    """The door: how it is built, wired, and who is told of it."""

    name: str = setting("front", "Name of the door, as permissions and events call it")
    zone: str = setting("", "Time zone of schedules, such as Europe/Berlin; empty means that of the system")
    strike_s: float = setting(5.0, "Time that the lock is released after a grant", unit="s", low=0.1, high=3600)
    extended_s: float = setting(15.0, "The same for people who need more time", unit="s", low=0.1, high=3600)
    held_s: float = setting(30.0, "Time after which an open door counts as held open", unit="s", low=0.1, high=3600)
    exit_s: float = setting(
        5.0, "Time after the exit button in which an opening is no alarm", unit="s", low=0.1, high=3600
    )
    relock_on_opening: bool = setting(True, "Let the lock fall back as soon as the door opens")
    exit_unlocks: bool = setting(True, "Whether the exit button releases the lock; not where a handle does")
    passback: str = setting(
        "off", "What happens when somebody passes twice in the same direction", choices=("off", "soft", "hard")
    )
    area: str = setting("", "Area that the door leads into or out of, for anti-passback")
    direction: str = setting("in", "Which way this kiosk lets people through", choices=("in", "out"))
    forgive_after_h: float = setting(12.0, "Time after which a passage is forgotten", unit="h", low=0.01, high=8760)
    relay_pin: int = setting(NO_PIN, "GPIO number of the relay; -1 for none", low=NO_PIN, high=1023)
    relay_active_high: bool = setting(True, "Whether a high pin releases the lock; the safe choice")
    contact_pin: int = setting(
        NO_PIN, "GPIO number of the door contact, closed while the door is; -1 for none", low=NO_PIN, high=1023
    )
    exit_pin: int = setting(NO_PIN, "GPIO number of the exit button; -1 for none", low=NO_PIN, high=1023)
    bounce_ms: int = setting(50, "Time for which a contact must be stable", unit="ms", low=0, high=1000)
    unlock_command: str = setting("", "Program that releases the lock, in place of a relay")
    lock_command: str = setting("", "Program that lets the lock fall back")
    osdp_line: str = setting("", "Serial line of an access panel that owns the lock; the kiosk is its OSDP reader")
    osdp_key_file: str = setting("", "File with the key of its secure channel, 32 hexadecimal digits")
    osdp_badge: str = setting("", "Badge that is shown to the panel for everybody who may pass, such as 159-1270")
    osdp_address: int = setting(0, "Address of the reader on the line", low=0, high=126)
    osdp_baud: int = setting(9600, "Speed of the line", unit="Bd", low=9600, high=115_200)
    event_command: str = setting("", "Program that gets each event as one line of JSON")
    webhook_url: str = setting("", "Address that gets each event, signed by Standard Webhooks")
    webhook_secret_file: str = setting("", "File with the webhook's secret, whsec_ and base64")
    mqtt_host: str = setting("", "Address of the MQTT broker; empty for none")
    mqtt_port: int = setting(1883, "Port of the broker", low=1, high=65_535)
    mqtt_user: str = setting("", "User at the broker")
    mqtt_password_file: str = setting("", "File with the password at the broker")
    mqtt_tls: bool = setting(False, "Whether to speak TLS with the broker")
    mqtt_discovery: str = setting("homeassistant", "Where Home Assistant looks for devices; empty tells it nothing")
    mqtt_commands: bool = setting(False, "Whether the door takes commands from the broker")
    keep_events_days: float = setting(90.0, "Time that events are kept", unit="days", low=1, high=3650)


@dataclass(frozen=True)
class KioskSettings(Section):
    """The kiosk: how it listens, and what it shows."""

    identify: str = setting(
        "voice",
        "Who a visitor is: known by voice, or by a claim (PIN, badge, code), or either",
        choices=("voice", "claim", "either"),
    )
    prompt: str = setting(
        "none", "Random words that must be said, against recordings", choices=("none", "digits", "words")
    )
    presence: str = setting(
        "voice", "What begins an attempt without a claim: a voice, or a touch", choices=("voice", "touch")
    )
    device: str = setting("", "Microphone by name or number; empty means the system's choice")
    offline_h: float = setting(
        24.0,
        "Time for which a kiosk whose store is a server's goes on with its own copy where it is cut off; "
        "0 keeps no copy, so that every cut closes the door",
        unit="h",
        low=0,
        high=720,
    )
    listen_s: float = setting(12.0, "Longest time to say it", unit="s", low=2, high=60)
    tries: int = setting(3, "Attempts in a row before a visitor is asked to ring", low=1, high=10)
    answer_s: float = setting(4.0, "Time that an answer stays on the screen", unit="s", low=0.1, high=60)
    show_names: bool = setting(False, "Whether the screen greets people by name")
    languages: str = setting("en,de,fr,es,zh", "Languages of the screen, the first one at the begin: en de fr es zh")
    operator: str = setting("", "Who runs the kiosk, in its privacy notice")
    contact: str = setting("", "How to reach them, likewise")
    host: str = setting("127.0.0.1", "Loopback address of the screen's page")
    port: int = setting(8770, "Port of the screen's page; 0 takes a free one", low=0, high=65_535)
    reader: str = setting("", "Device or pipe that gives badge numbers or codes, such as /dev/ttyUSB0")
    reader_format: str = setting(
        "text", "What the reader gives: lines of text, or Wiegand frames", choices=("text", "wiegand")
    )
    self_check_hour: int = setting(
        3, "Hour of the nightly self-check, by the door's time zone", unit="h", low=0, high=23
    )
