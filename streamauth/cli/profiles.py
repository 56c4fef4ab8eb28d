"""``streamauth profiles``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamauth.cli import options
from streamauth.cli.output import EXIT_MISUSE, EXIT_OK, Output, opened

if TYPE_CHECKING:
    from streamauth.service.authenticator import Authenticator
    from streamauth.store.records import ProfileSummary

app = typer.Typer(help="List, show, delete, reset, unlock or rebuild profiles.")
NameArgument = Annotated[str, typer.Argument(help="The profile's name.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command("list")
def list_(store: options.Store = None, json: options.Json = False) -> None:
    """All profiles."""
    output = Output(json)
    with opened(store) as authenticator:
        rows = [_described(authenticator, summary) for summary in authenticator.store.profiles.summaries()]
    told = []
    for row in rows:
        status, speech = "locked" if row["locked"] else row["status"], f"{row['speech_s']:.1f} s"
        told.append((row["name"], row["kind"], status, str(row["utterances"]), speech, str(row["failures"])))
    output.listed(
        {"profiles": rows},
        ("name", "kind", "status", "utterances", "speech", "failures"),
        told,
        whole=("kind", "status"),
        none="No profiles yet. `streamauth enroll NAME FILES...` makes one.",
    )


@app.command()
def show(name: NameArgument, store: options.Store = None, json: options.Json = False) -> None:
    """One profile in full; never its voiceprint."""
    with opened(store) as authenticator:
        data = _described(authenticator, authenticator.store.profiles.summaries(name=name)[0])
    width = max(len(key) for key in data)
    Output(json).result(data, "\n".join(f"{key:<{width}}  {_for_people(value)}" for key, value in data.items()))


@app.command()
def delete(name: NameArgument, yes: YesOption = False, store: options.Store = None, json: options.Json = False) -> int:
    """Delete a profile and every trace of it."""
    with opened(store) as authenticator:
        profile = authenticator.store.profiles.get(name)
        if not _sure(f"Delete the profile {name} and its voiceprint for good?", yes, json):
            return EXIT_MISUSE
        receipt = authenticator.store.profiles.delete(profile.id)[0].text()
    text = f"{name} is deleted. Receipt: {receipt}\n`streamauth audit receipt RECEIPT` checks it."
    Output(json).result({"name": name, "deleted": True, "receipt": receipt}, text)
    return EXIT_OK


@app.command()
def export(name: NameArgument, store: options.Store = None) -> None:
    """Everything that is kept of a person, as JSON, without what would let somebody in."""
    import json as json_module

    from streamauth.service.personal_data import personal_data
    from streamauth.store.schema import DEFAULT_TENANT

    with opened(store) as authenticator:
        data = personal_data(authenticator.store, name, DEFAULT_TENANT)
    print(json_module.dumps(data, ensure_ascii=False, indent=2))


@app.command()
def purge(
    unused_days: Annotated[
        float | None,
        typer.Option("--unused-days", min=0.01, help="Days without an accept.", show_default="enrollment.unused_days"),
    ] = None,
    yes: YesOption = False,
    store: options.Store = None,
    json: options.Json = False,
) -> int:
    """Delete the profiles that nobody has used for long."""
    from streamauth.errors import InputError

    output = Output(json)
    with opened(store) as authenticator:
        days = unused_days or authenticator.settings.enrollment.unused_days
        if not days:
            raise InputError("Say for how long: --unused-days, or the setting enrollment.unused_days.")
        old = authenticator.store.profiles.unused(days)
        if old and not _sure(f"Delete {len(old)} profiles for good?", yes, json):
            return EXIT_MISUSE
        receipts = [each.text() for each in authenticator.store.profiles.delete(*old, reason="unused")] if old else []
    output.result({"deleted": len(receipts), "receipts": receipts}, f"Deleted: {len(receipts)} profiles.")
    return EXIT_OK


@app.command()
def reset(name: NameArgument, yes: YesOption = False, store: options.Store = None, json: options.Json = False) -> int:
    """Drop the enrollment of a profile, so that it can be enrolled anew."""
    with opened(store) as authenticator:
        profile = authenticator.store.profiles.get(name)
        if not _sure(f"Drop the enrollment of {name}?", yes, json):
            return EXIT_MISUSE
        authenticator.store.profiles.reset(profile.id)
    Output(json).result({"name": name, "reset": True}, f"The enrollment of {name} is dropped.")
    return EXIT_OK


@app.command()
def unlock(name: NameArgument, store: options.Store = None, json: options.Json = False) -> None:
    """Forget the failed attempts of a profile, and with them its delay or lock."""
    with opened(store) as authenticator:
        authenticator.store.attempts.unlock(authenticator.store.profiles.get(name).id)
    Output(json).result({"name": name, "unlocked": True}, f"{name} may be tried again.")


@app.command()
def revert(
    name: NameArgument,
    label: Annotated[
        str | None,
        typer.Option("--label", help="Remove the further voiceprint of this label instead.", show_default=False),
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> None:
    """Take back what accepts have changed of a voiceprint: the enrolled one counts again."""
    with opened(store) as authenticator:
        authenticator.store.templates.remove(authenticator.store.profiles.get(name).id, label or "")
    told = f"The enrolled voiceprint of {name} counts again." if label is None else f"{name}: {label} is removed."
    Output(json).result({"name": name, "label": label, "reverted": True}, told)


@app.command()
def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these profiles.", show_default=False)
    ] = None,
    store: options.Store = None,
    json: options.Json = False,
) -> int:
    """Make voiceprints for the present encoder from kept enrollment audio; name those to be enrolled again."""
    from streamauth.errors import EncoderChanged

    output = Output(json)
    rebuilt, again = [], []
    with opened(store) as authenticator, output.busy("Rebuilding"):
        for name in names or affected(authenticator):
            try:
                authenticator.rebuild(name)
                rebuilt.append(name)
            except EncoderChanged:
                again.append(name)
    lines = [f"Rebuilt: {', '.join(rebuilt) or 'none'}."]
    if again:
        lines.append(f"To be enrolled again, as no audio of them is kept: {', '.join(again)}.")
    output.result({"rebuilt": rebuilt, "enroll_again": again}, "\n".join(lines))
    return EXIT_MISUSE if again else EXIT_OK


@app.command("forget-audio")
def forget_audio(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME...]", help="Only these profiles.", show_default=False)
    ] = None,
    yes: YesOption = False,
    store: options.Store = None,
    json: options.Json = False,
) -> int:
    """Delete the kept enrollment audio; voiceprints stay, but can no more be rebuilt for another encoder."""
    with opened(store) as authenticator:
        found = [
            s
            for s in authenticator.store.profiles.summaries()
            if s.kept_audio_s and (not names or s.profile.name in names)
        ]
        for name in names or ():
            authenticator.store.profiles.get(name)  # an unknown one is told
        told = [summary.profile.name for summary in found]
        if found and not _sure(f"Delete the enrollment audio of {', '.join(told)} for good?", yes, json):
            return EXIT_MISUSE
        authenticator.store.recordings.delete(*(summary.profile.id for summary in found))
    Output(json).result({"forgotten": told}, f"Enrollment audio deleted: {', '.join(told) or 'none was kept'}.")
    return EXIT_OK


def affected(authenticator: "Authenticator") -> list[str]:
    """Profiles that are enrolled, but not for the present encoder."""
    encoder_id = authenticator.engines.encoder().id
    summaries = authenticator.store.profiles.summaries()
    return [s.profile.name for s in summaries if s.enrolled_encoders and encoder_id not in s.enrolled_encoders]


def _described(authenticator: "Authenticator", summary: "ProfileSummary") -> dict[str, Any]:
    profile = summary.profile
    return {
        "name": profile.name,
        "id": profile.id,
        "kind": str(profile.kind),
        "status": "enrolled" if summary.enrolled_encoders else "enrolling",
        "phrase": profile.phrase,
        "locale": profile.locale,
        "utterances": summary.utterances,
        "speech_s": round(summary.speech_s, 3),
        "encoders": list(summary.enrolled_encoders),
        "further_voiceprints": list(authenticator.store.templates.labels(profile.id)),
        "kept_audio_s": round(summary.kept_audio_s, 3),
        "failures": summary.failures,
        "locked": summary.failures >= authenticator.settings.attempts.lock_after,
        "consent": profile.consent,
        "last_accepted_at": profile.used_at and profile.used_at.isoformat(timespec="milliseconds"),
        "created_at": profile.created_at.isoformat(timespec="milliseconds"),
        "updated_at": profile.updated_at.isoformat(timespec="milliseconds"),
    }


def _for_people(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case None | []:
            return "none"
        case list():
            return ", ".join(map(str, value))
    return str(value)


def _sure(question: str, yes: bool, json: bool) -> bool:
    # a program that reads JSON has nobody to ask
    return yes or json or typer.confirm(question, err=True)
