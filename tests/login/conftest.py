"""A daemon in a thread, and builds of the PAM module, made once."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.login import machine as machines
from tests.login.machine import Machine
from tests.login.pam_rig import Pam, build, missing
from tests.login.rig import Rig, running


@pytest.fixture(scope="session")
def pam_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the module and its test programs; the module takes ``folder/proc`` for the process list."""
    if lacking := missing():
        pytest.skip(f"not installed: {', '.join(lacking)}")
    out = tmp_path_factory.mktemp("pam")
    here = out / "proc"
    (here / "self").mkdir(parents=True)
    (here / "self" / "stat").write_text("4242 (pamtester) S 0 1 1 0")
    defines = [f'-DSTREAMAUTH_PROC="\\"{here}\\""', f'-DSTREAMAUTH_SESSIONS="\\"{out}/no-sessions\\""']
    return build(out, "pam_streamauth.so", "fuzz", "parse", "whereabouts", defines=defines)


@pytest.fixture
def pam(pam_tools: Path, tmp_path: Path) -> Pam:
    """pamtester with services ``voice`` (the module alone) and ``both`` (the module, then a password)."""
    from tests.login.pam_rig import PASSWORD

    os.chmod(tmp_path, 0o755)  # noqa: S103 - the module wants a folder that only its owner can change
    made = Pam(tmp_path, pam_tools / "pam_streamauth.so")
    arguments = f"socket={tmp_path}/run/login.sock timeout=2"
    check = tmp_path / "check"  # asks as pam_unix does: for PAM_AUTHTOK, else by a prompt of its own
    check.write_text(f'#!/bin/sh\nread -r password\ntest "$password" = "{PASSWORD}"\n')
    check.chmod(0o755)
    made.service("voice", f"required {made.module} {arguments}")
    made.service(
        "both",
        f"[success=done default=ignore] {made.module} {arguments}",
        f"required pam_exec.so expose_authtok quiet {check}",
    )
    made.service("fixed", f"required {made.module} {arguments} fixed")
    made.service("immediate", f"required {made.module} {arguments} immediate")
    return made


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A daemon with this user's voice."""
    with running(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """The same for tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("warm")) as made:
        yield made


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine of its own, with the module in the stack of all services."""
    if lacking := machines.missing():
        pytest.skip(f"not there: {', '.join(lacking)}")
    with machines.machine(tmp_path_factory.mktemp("machine")) as made:
        yield made


@pytest.fixture
def daemon(box: Machine) -> Machine:
    """The daemon runs in it, and failures of earlier tests do not count."""
    box.use_daemon()
    box.run(sys.executable, "-m", "streamauth", "login", "unlock", "--user", "ada")
    return box
