"""What a PAM stack with the voice module does: right, useless or dangerous. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from streamauth.login.pam_files import Code, Module, run_stack

VOICE_MODULE = "pam_streamauth.so"
PASSWORD_MODULES = frozenset(
    {
        "pam_unix.so",
        "pam_sss.so",
        "pam_ldap.so",
        "pam_krb5.so",
        "pam_winbind.so",
        "pam_pwdfile.so",
        "pam_systemd_home.so",
    }
)
_REFUSE_BY_THEMSELVES = frozenset({"pam_deny.so", "pam_rootok.so", "pam_succeed_if.so", "pam_wheel.so"})
_OTHER_FACTORS = frozenset(
    {
        "pam_fprintd.so",
        "pam_u2f.so",
        "pam_howdy.so",
        "pam_google_authenticator.so",
        "pam_oath.so",
        "pam_ssh_agent_auth.so",
    }
)


class Finding(StrEnum):
    """What a stack does; the sentence is in ``FINDING_TEXTS``."""

    ABSENT = "absent"
    OPENS = "opens"
    BOTH_NEEDED = "both_needed"
    USELESS = "useless"
    OPENS_TO_NOBODY = "opens_to_nobody"
    BLOCKS = "blocks"
    VOICE_ALONE = "voice_alone"
    ASKED_LATE = "asked_late"
    TWICE = "twice"


FINDING_TEXTS: dict[Finding, str] = {
    Finding.ABSENT: "The voice is not asked for.",
    Finding.OPENS: "The right voice opens; in all other cases the password is asked for.",
    Finding.BOTH_NEEDED: "Voice and password are both needed. Without the daemon nobody can log in.",
    Finding.USELESS: "The voice is asked for and changes nothing. Put [success=N default=ignore] before the module.",
    Finding.OPENS_TO_NOBODY: "DANGER: this opens although neither voice nor password is right.",
    Finding.BLOCKS: "The right password does not open any more. Put [success=N default=ignore] before the module.",
    Finding.VOICE_ALONE: "The voice alone opens; no password is asked for. Without the daemon nobody can log in.",
    Finding.ASKED_LATE: "The voice is asked for after the password. Put the module before it.",
    Finding.TWICE: "The module is in the stack twice; the person is asked twice.",
}
DANGEROUS = frozenset({Finding.OPENS_TO_NOBODY})
GOOD = frozenset({Finding.ABSENT, Finding.OPENS})


@dataclass(frozen=True, slots=True)
class _Try:
    """What a person brings."""

    voice: Code
    password: bool


def check_stack(stack: Sequence[Module]) -> tuple[Finding, ...]:
    """What an ``auth`` stack does with the voice module; the worst comes first.

    Other modules are taken to agree, those that refuse by themselves to refuse, and other factors (fingerprint,
    token) to be absent.
    """
    names = [module.name for module in stack]
    if VOICE_MODULE not in names:
        return (Finding.ABSENT,)
    failures = (Code.AUTH_ERR, Code.AUTHINFO_UNAVAIL, Code.MAXTRIES, Code.IGNORE)
    has_password = any(name in PASSWORD_MODULES for name in names)
    by_voice = _opens(stack, _Try(Code.SUCCESS, False))
    findings: list[Finding] = []
    if any(_opens(stack, _Try(code, False)) for code in failures):
        findings.append(Finding.OPENS_TO_NOBODY)
    if has_password:
        by_password = all(_opens(stack, _Try(code, True)) for code in failures)
        if not by_password:
            both = _opens(stack, _Try(Code.SUCCESS, True))
            findings.append(Finding.BLOCKS if by_voice or not both else Finding.BOTH_NEEDED)
        elif not by_voice:
            findings.append(Finding.USELESS)
        first_password = next(index for index, name in enumerate(names) if name in PASSWORD_MODULES)
        if names.index(VOICE_MODULE) > first_password:
            findings.append(Finding.ASKED_LATE)
    elif by_voice:
        findings.append(Finding.VOICE_ALONE)
    else:
        findings.append(Finding.USELESS)
    if names.count(VOICE_MODULE) > 1:
        findings.append(Finding.TWICE)
    return tuple(findings) or (Finding.OPENS,)


def _opens(stack: Sequence[Module], tried: _Try) -> bool:
    def result(module: Module) -> Code:
        if module.name == VOICE_MODULE:
            return tried.voice
        if module.name in PASSWORD_MODULES:
            return Code.SUCCESS if tried.password else Code.AUTH_ERR
        if module.name in _REFUSE_BY_THEMSELVES:
            return Code.AUTH_ERR
        if module.name in _OTHER_FACTORS:
            return Code.AUTHINFO_UNAVAIL
        return Code.SUCCESS

    return run_stack(stack, result) is Code.SUCCESS
