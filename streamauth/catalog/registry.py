"""The registered models: where their files lie, and the check that the files are the registered ones.

``registry.toml`` in the models folder has one table per model; the table's name is the model's name. Models that
travel with the package lie beside it. Those that were downloaded and the user's own lie in the data folder, each in a
folder of its name, with a receipt.
"""

import hashlib
import os
import re
import tomllib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from streamauth.catalog.entries import EncoderEntry, JudgeEntry, ModelEntry, RecognizerEntry, entry_of
from streamauth.catalog.installed import Model, installed_names, read_receipt
from streamauth.errors import ModelCorrupt, ModelMissing, RuntimeTooOld, UnknownModel
from streamauth.settings import data_folder

__all__ = [
    "Catalog",
    "EncoderEntry",
    "JudgeEntry",
    "ModelEntry",
    "RecognizerEntry",
    "check_requirements",
    "folder_digest",
    "models_folder",
    "read_model",
    "read_registry",
]

REGISTRY_FILE = "registry.toml"
_PACKAGE = Path(__file__).resolve().parents[1]


def models_folder() -> Path:
    """``$STREAMAUTH_MODELS``, else the folder inside the package, else ``models/`` beside a source checkout.

    Raises:
        ModelMissing: There is none.
    """
    if chosen := os.environ.get("STREAMAUTH_MODELS"):
        if not Path(chosen).is_dir():
            raise ModelMissing("STREAMAUTH_MODELS does not name a folder. Correct or unset it.")
        return Path(chosen)
    for folder in (_PACKAGE / "_models", _PACKAGE.parent / "models"):
        if (folder / REGISTRY_FILE).is_file():
            return folder
    raise ModelMissing("The models folder is missing. Install streamauth again, or set STREAMAUTH_MODELS to a folder.")


def read_registry(folder: Path) -> dict[str, ModelEntry]:
    """Every model of a models folder, by name.

    Raises:
        ModelMissing: The folder has no registry.
        ModelCorrupt: The registry cannot be read, or an entry lacks or has too many fields.
    """
    try:
        return dict(_entries((folder / REGISTRY_FILE).read_text("utf-8")))
    except FileNotFoundError:
        raise ModelMissing(f"The models folder has no {REGISTRY_FILE}. Install streamauth again.") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelCorrupt(f"The list of models, {REGISTRY_FILE}, cannot be read. Install streamauth again.") from error


@lru_cache(maxsize=4)  # it is asked for several times at each start
def _entries(text: str) -> dict[str, ModelEntry]:
    return {name: entry_of(name, table) for name, table in tomllib.loads(text).items()}


def read_model(entry: ModelEntry, folder: Path) -> bytes:
    """The content of a model's file, checked against the registry.

    What was checked is what is returned, so that the file cannot change between check and use.

    Raises:
        ModelMissing: There is no such file.
        ModelCorrupt: It cannot be read or is another file than the registered one.
    """
    advice = f"Run: streamauth models pull {entry.name}" if entry.urls else "Install streamauth again or restore it."
    try:
        content = (folder / entry.file).read_bytes()
    except FileNotFoundError:
        raise ModelMissing(f"The file of the model {entry.name} is missing: {entry.file}. {advice}") from None
    except OSError as error:
        raise ModelCorrupt(f"The file of the model {entry.name} cannot be read: {entry.file}.") from error
    # upstream does not tell the size of every file, but always the digest
    if len(content) != (entry.bytes or len(content)) or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise ModelCorrupt(
            f"The file of the model {entry.name} is damaged: {entry.file} does not have the registered sha256. {advice}"
        )
    return content


def folder_digest(folder: Path) -> tuple[int, str]:
    """Bytes of all files in a folder, and the sha256 of a list of their names and sha256.

    Raises:
        OSError: A file cannot be read.
    """
    size, lines = 0, []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        size += len(content)
        lines.append(f"{hashlib.sha256(content).hexdigest()}  {path.relative_to(folder).as_posix()}\n")
    return size, hashlib.sha256("".join(lines).encode()).hexdigest()


class Catalog:
    """The models that one installation can use: those of the registry, and those in its data folder.

    Args:
        home: The data folder; the usual one if None.

    Attributes:
        folder: Where downloaded and own models lie; not created here.
        calibrations: Where calibrations that were fitted on the user's own recordings lie; likewise.
        tested: Where it is remembered which encoders passed their test on this machine; likewise.
    """

    def __init__(self, home: Path | None = None) -> None:
        home = home or data_folder()
        self.folder = home / "models"
        self.calibrations = home / "calibrations"
        self.tested = home / "tested"

    def find(self, name: str) -> Model:
        """A model of the registry or of the user, by name, installed or not.

        Raises:
            UnknownModel: There is none of that name.
            ModelMissing, ModelCorrupt: The registry or the model's receipt cannot be read.
        """
        folder = models_folder()
        return self._model(name, read_registry(folder).get(name), folder)

    def all(self) -> dict[str, Model]:
        """Every model of the registry and of the user, by name, installed or not.

        Raises:
            ModelMissing, ModelCorrupt: The registry or a receipt cannot be read.
        """
        folder = models_folder()
        entries = read_registry(folder)
        names = [*entries, *installed_names(self.folder)]
        return {name: self._model(name, entries.get(name), folder) for name in names}

    def recognizer_folder(self, name: str) -> Path:
        """The folder of a recognizer, checked against the registry or its receipt.

        Raises:
            ModelMissing: No such recognizer, or no folder.
            ModelCorrupt: A file is missing, too many, or another than the registered one.
        """
        return self._checked_folder(name, RecognizerEntry, "recognizer")

    def judge_folder(self, name: str) -> Path:
        """The folder of a judge of phrases, checked likewise.

        Raises:
            ModelMissing, ModelCorrupt: As for a recognizer.
        """
        return self._checked_folder(name, JudgeEntry, "phrase judge")

    def judge_of(self, locale: str) -> str | None:
        """The name of the judge for a language that travels with the package; None where there is none."""
        for name, entry in read_registry(models_folder()).items():
            if isinstance(entry, JudgeEntry) and _serves(entry.language, locale):
                return name
        return None

    def recognizer_of(self, locale: str) -> str:
        """The name of the recognizer for a language; one that travels with the package goes before others.

        A model serves its very locale, or a whole language where its own or the wanted tag has no region.

        Args:
            locale: BCP 47, such as ``de`` or ``en-US``.

        Raises:
            ModelMissing: None is installed; the message names those that can be.
        """
        serving, others = [], []
        for name, entry in read_registry(models_folder()).items():
            if isinstance(entry, RecognizerEntry):
                if _serves(entry.language, locale):
                    serving.append(name)
                elif _serves(entry.language.split("-")[0], locale.split("-")[0]):
                    others.append(f"{name} ({entry.language})")
        for name in serving:
            if self.find(name).contents is not None:
                return name
        if serving:
            raise ModelMissing(f"No recognizer for {locale} is installed. Run: streamauth models pull {serving[0]}")
        near = f" Near to it: {', '.join(others)}; set phrase.locale to use one." if others else ""
        raise ModelMissing(
            f"There is no recognizer for {locale} in the registry.{near} "
            "Any other Vosk model is used by its folder in phrase.vosk_model."
        )

    def _checked_folder(self, name: str, kind: type[ModelEntry], called: str) -> Path:
        try:
            model = self.find(name)
        except UnknownModel:
            model = None
        if model is None or not isinstance(model.entry, kind) or not model.path.is_dir():
            advice = (
                f"Run: streamauth models pull {name}" if model and model.entry.urls else "Install streamauth again."
            )
            raise ModelMissing(f"The model of the {called}, {name}, is missing. {advice}")
        try:
            found = folder_digest(model.path)
        except OSError as error:
            raise ModelCorrupt(f"The files of the model {name} cannot be read.") from error
        if found != model.contents:
            raise ModelCorrupt(f"The files of the model {name} are not the registered ones. Install it again.")
        return model.path

    def _model(self, name: str, entry: ModelEntry | None, embedded_in: Path) -> Model:
        if entry is not None and not entry.urls:
            return Model(entry, embedded_in, embedded=True)
        receipt = read_receipt(self.folder, name)
        made = receipt.entry if receipt is not None else None
        known = entry or made
        if known is None:
            raise UnknownModel
        # references were made from one very file
        if isinstance(known, EncoderEntry) and isinstance(made, EncoderEntry) and made.sha256 == known.sha256:
            known = replace(known, references=made.references)
        return Model(known, self.folder / name, receipt=receipt)


def check_requirements(entry: ModelEntry) -> None:
    """Whether the packages that a model needs are new enough.

    Raises:
        RuntimeTooOld: One is not.
    """
    for requirement in entry.requires:
        package, _, least = requirement.partition(">=")
        found = _installed(package)
        if _numbers(found) < _numbers(least):
            raise RuntimeTooOld(
                f"The model {entry.name} needs {requirement}; installed is {found or 'none'}. "
                f"Run: pip install '{requirement}'"
            )


def _installed(package: str) -> str:
    """The version of a package; empty where it is not installed."""
    # takes long to import, and the models that travel with the package need no version
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _serves(language: str, locale: str) -> bool:
    mine, wanted = language.lower().split("-"), locale.lower().split("-")
    return mine == wanted or (mine[0] == wanted[0] and 1 in (len(mine), len(wanted)))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
