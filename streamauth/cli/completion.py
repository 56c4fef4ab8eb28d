"""``streamauth completion``: what makes the Tab key complete commands and options."""

from typing import Annotated, Literal

import typer
from typer._completion_shared import get_completion_script

FOLDERS = {
    "bash": "bash-completion/completions/streamauth",
    "zsh": "zsh/site-functions/_streamauth",
    "fish": "fish/vendor_completions.d/streamauth.fish",
}
"""Where each shell looks for a program's completion by itself, below ``/usr/share``."""

# zsh runs the file as a function the first time; without this line that first Tab would complete nothing
_ZSH_FIRST_TIME = 'if [ "$funcstack[1]" = "_streamauth" ]; then _streamauth_completion "$@"; fi'


def script(shell: str) -> str:
    """What a shell must read: it asks this program for each completion."""
    made = get_completion_script(prog_name="streamauth", complete_var="_STREAMAUTH_COMPLETE", shell=shell)
    return f"{made}\n\n{_ZSH_FIRST_TIME}" if shell == "zsh" else made


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell.", show_default=False)],
) -> None:
    """Print what makes a shell's Tab key complete this program: `source <(streamauth completion bash)`.

    Debian's package brings it along.
    """
    print(script(shell))
