"""Parsing of PAM's files and what stacks do, libpam's own results as the measure where it is at hand."""

import itertools
from collections.abc import Mapping
from pathlib import Path

import pytest

from streamauth.login.pam_check import Finding, check_stack
from streamauth.login.pam_files import BadPamFile, Code, Module, run_stack, stack_of
from streamauth.login.pam_switch import folder_reader
from tests.login.pam_rig import SUCCESS, Pam

COMMON = """
# here are the per-package modules (the "Primary" block)
auth\t[success=2 default=ignore]\tpam_streamauth.so
auth\t[success=1 default=ignore]\tpam_unix.so nullok try_first_pass
# here's the fallback if no module succeeds
auth\trequisite\t\t\tpam_deny.so
auth\trequired\t\t\tpam_permit.so
auth\toptional\t\t\tpam_cap.so
account required pam_unix.so
"""
SUDO = "#%PAM-1.0\nsession required pam_limits.so\n@include common-auth\n@include common-account\n"


def read(**files: str) -> Mapping[str, str]:
    return {name.replace("_", "-"): text for name, text in files.items()}


def findings(text: str, **more: str) -> tuple[Finding, ...]:
    files = {"sudo": text, **read(**more)}
    return check_stack(stack_of("sudo", files.get))


def test_a_debian_stack() -> None:
    files = {"sudo": SUDO, "common-auth": COMMON, "common-account": "account required pam_unix.so\n"}
    stack = stack_of("sudo", files.get)
    assert [module.name for module in stack] == [
        *("pam_streamauth.so", "pam_unix.so", "pam_deny.so", "pam_permit.so", "pam_cap.so"),
    ]
    assert check_stack(stack) == (Finding.OPENS,)


def test_what_lines_can_look_like() -> None:
    text = (
        "auth \\\n  [success=1 default=ignore] /lib/security/pam_a.so with [an argument] x=[a\\]b] # remark\n"
        "-AUTH optional pam_b.so\n"
        "\n"
    )
    first, second = stack_of("sudo", {"sudo": text}.get)
    assert first == Module("pam_a.so", {"success": "1", "default": "ignore"})
    assert second.name == "pam_b.so"


def test_a_service_without_a_file_is_other() -> None:
    assert stack_of("unheard-of", {"other": "auth required pam_deny.so\n"}.get)[0].name == "pam_deny.so"


@pytest.mark.parametrize(
    "text",
    [
        "auth required",
        "nonsense required pam_unix.so",
        "auth perhaps pam_unix.so",
        "auth [success=0] pam_unix.so",
        "auth [success] pam_unix.so",
        "auth [] pam_unix.so",
        "@include nowhere",
        "auth include sudo",
    ],
)
def test_lines_that_are_none(text: str) -> None:
    with pytest.raises(BadPamFile):
        stack_of("sudo", {"sudo": text + "\n"}.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auth required pam_unix.so", Finding.ABSENT),
        ("auth sufficient pam_streamauth.so\nauth required pam_unix.so", Finding.OPENS),
        ("auth required pam_streamauth.so\nauth required pam_unix.so", Finding.BOTH_NEEDED),
        ("auth requisite pam_streamauth.so\nauth sufficient pam_unix.so", Finding.BLOCKS),
        ("auth optional pam_streamauth.so\nauth required pam_unix.so", Finding.USELESS),
        ("auth required pam_streamauth.so", Finding.VOICE_ALONE),
        ("auth [default=ok] pam_streamauth.so", Finding.VOICE_ALONE),
        ("auth [success=ok default=ignore] pam_streamauth.so\nauth optional pam_permit.so", Finding.OPENS_TO_NOBODY),
        ("auth [success=3 default=ignore] pam_streamauth.so\nauth required pam_unix.so", Finding.USELESS),
        (
            "auth sufficient pam_unix.so\nauth sufficient pam_streamauth.so\nauth required pam_deny.so",
            Finding.ASKED_LATE,
        ),
        ("auth sufficient pam_streamauth.so\n" * 2 + "auth required pam_unix.so", Finding.TWICE),
        (
            "auth [success=1 default=die] pam_streamauth.so\nauth required pam_unix.so\nauth required pam_permit.so",
            Finding.BLOCKS,
        ),
    ],
)
def test_what_is_found(text: str, expected: Finding) -> None:
    assert expected in findings(text)


def test_a_voice_in_a_substack() -> None:
    found = findings("auth substack voice\nauth required pam_unix.so\n", voice="auth sufficient pam_streamauth.so\n")
    assert found == (Finding.USELESS,)  # success ends the substack only


CONTROLS = (
    *("required", "requisite", "sufficient", "optional"),
    *("[success=1 default=ignore]", "[success=2 default=ignore]", "[default=bad success=ok]", "[default=reset]"),
    *("[success=done default=die]", "[default=ignore]"),
)


@pytest.mark.pam
def test_libpam_does_the_same(pam: Pam) -> None:
    """Two hundred stacks, with and without a substack, run by libpam itself."""
    grid = list(itertools.product(CONTROLS, CONTROLS, ("required", "sufficient"), ("pam_permit", "pam_deny")))
    for number, (first, second, third, module) in enumerate(grid[:: len(grid) // 200]):
        a, b, c = (("pam_deny", "pam_permit")[(number >> bit) & 1] for bit in range(3))
        inner = f"inner{number}" if number % 3 == 0 else None
        if inner:
            pam.service(inner, f"{first} {a}.so", f"{second} {b}.so")
            lines = [f"substack {pam.folder}/pam.d/{inner}"]  # the wrapper finds no other path
        else:
            lines = [f"{first} {a}.so", f"{second} {b}.so"]
        lines += [f"{third} {c}.so", f"optional {module}.so"]
        pam.service("stack", *lines)
        stack = stack_of("stack", folder_reader(pam.folder / "pam.d"))
        ours = run_stack(stack, lambda one: Code.AUTH_ERR if one.name == "pam_deny.so" else Code.SUCCESS)
        theirs = SUCCESS in pam.login("stack").text
        assert (ours is Code.SUCCESS) == theirs, (first, a, second, b, lines)


@pytest.mark.pam
def test_debians_own_stacks_are_understood() -> None:
    folder = Path("/etc/pam.d")
    checked = 0
    for file in sorted(folder.iterdir()):
        stack = stack_of(file.name, folder_reader(folder))
        checked += Finding.OPENS_TO_NOBODY not in check_stack(stack)
    assert checked > 10
