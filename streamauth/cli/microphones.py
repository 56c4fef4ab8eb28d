"""``streamauth microphones``."""

from typing import Annotated

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_OK, EXIT_REJECT, Output

app = typer.Typer(help="List the microphones of this machine, or test one.")

_SILENT_DBFS = -75.0


@app.command("list")
def list_(json: options.Json = False) -> None:
    """All microphones that the sound system offers."""
    from streamauth.settings import load_settings
    from streamauth.sources.microphone import list_devices

    output, chosen = Output(json), load_settings().microphone.device
    devices = list_devices()
    rows = [
        {"number": d.number, "name": d.name, "api": d.api, "rate": d.default_rate_hz, "default": d.is_default}
        for d in devices
    ]
    output.listed(
        {"microphones": rows, "setting": chosen},
        ("number", "name", "system", "rate", "default"),
        [(str(d.number), d.name, d.api, f"{d.default_rate_hz} Hz", "yes" if d.is_default else "") for d in devices],
        whole=("number", "rate"),
        none="There is no microphone on this computer, or no permission to use it.",
    )
    if chosen and not json:
        output.console.print(f"microphone.device is set to {chosen}.", markup=False)


@app.command("test")
def try_out(
    device: options.Device = None,
    seconds: Annotated[float, typer.Option("--seconds", min=1, max=60, help="How long to listen.")] = 4.0,
    json: options.Json = False,
) -> int:
    """Listen for some seconds and tell how loud it is; exit code 1 where nobody could be heard."""
    import numpy as np

    from streamauth.cli.live import LiveView
    from streamauth.core.audio.pcm import PcmDecoder
    from streamauth.core.events import LevelMeasured
    from streamauth.core.ports import SAMPLE_RATE_HZ
    from streamauth.settings import load_settings
    from streamauth.sources.microphone import Microphone

    output = Output(json)
    loudest, peak, clipped, heard_s = -120.0, 0.0, False, 0.0
    with Microphone(device or load_settings().microphone.device or None) as microphone:
        output.messages.print(f"Speak into {microphone.device.name} for {seconds:g} s.", markup=False)
        decoder = PcmDecoder(microphone.format)
        with LiveView(output.messages, None, seconds) as view:
            for chunk in microphone:
                samples = decoder.feed(chunk)
                if samples.size:
                    level = 10 * float(np.log10(max(float(np.mean(np.square(samples))), 1e-12)))
                    loudest, top = max(loudest, level), float(np.abs(samples).max())
                    peak, clipped = max(peak, top), clipped or top >= 0.999
                    heard_s += samples.size / microphone.format.sample_rate_hz
                    view.show(LevelMeasured(round(heard_s * SAMPLE_RATE_HZ), level, top, top >= 0.999))
                if heard_s >= seconds:
                    break
        name, rate_hz = microphone.device.name, microphone.format.sample_rate_hz
    verdict = _verdict(loudest, peak, clipped)
    data = {
        "microphone": name,
        "rate": rate_hz,
        "loudest_dbfs": round(loudest, 1),
        "clipped": clipped,
        "ok": not verdict,
    }
    output.result(data, f"{name}, {rate_hz} Hz: loudest {loudest:.0f} dB of full scale. {verdict or 'That is good.'}")
    return EXIT_REJECT if verdict else EXIT_OK


def _verdict(loudest_dbfs: float, peak: float, clipped: bool) -> str:
    """What is wrong; empty where nothing is."""
    from streamauth.cli.live import QUIET_DBFS

    if peak == 0:
        return "Nothing but zeros came. Is it muted or unplugged?"
    if loudest_dbfs < _SILENT_DBFS:
        return "Nothing was heard. Is it the right microphone, and not muted?"
    if loudest_dbfs < QUIET_DBFS:
        return "That is too quiet. Come closer or raise the input level."
    return "It is distorted. Lower the input level or step back." if clipped else ""
