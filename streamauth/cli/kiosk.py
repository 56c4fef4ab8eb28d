"""``streamauth kiosk``."""

import signal
from contextlib import closing
from types import FrameType
from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import Output, settings_with


def kiosk(
    check: Annotated[bool, typer.Option("--check", help="Look at the settings and end.")] = False,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Run a kiosk at a door until it is stopped: microphone, screen, lock, outputs."""
    import logging

    from streamauth.kiosk.build import build_kiosk, open_parts
    from streamauth.settings import data_folder

    output = Output(json)
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    authenticator, open_site = open_parts(data_folder(), settings_with(store))
    with closing(authenticator):
        made = build_kiosk(authenticator, data_folder(), open_site=open_site)
        name = authenticator.settings.door.name
        if check:
            output.result({"door": name, "ready": True}, f"The settings of the kiosk at the door {name} can be used.")
            return

        def stop(number: int, frame: FrameType | None) -> None:
            made.stop()

        def ready(url: str) -> None:
            output.result({"door": name, "url": url}, f"The kiosk is ready. Its screen is at {url}, Ctrl-C stops.")

        former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            output.messages.print("Loading the models.")
            made.run(ready)
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
