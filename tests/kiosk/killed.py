"""A door in a process of its own, to be killed: brings the door into a state, says so, and waits.

python -m tests.kiosk.killed FOLDER STATE
"""

import sys
import time
from pathlib import Path

from streamauth.core.door.command import DoorAction, DoorCommand
from streamauth.core.door.door import DoorRule, Grant
from tests.kiosk.rig import DOOR, MockDoor, eventually


def main() -> None:
    """Run until killed."""
    folder, state = Path(sys.argv[1]), sys.argv[2]
    with MockDoor(folder, DoorRule(strike_ms=60_000, held_ms=50, exit_ms=60_000)) as door:
        keeper, doors = door.keeper, door.store.doors
        if state in ("granted", "open", "held"):
            assert keeper.admit(Grant("ada")) is None
            assert door.relay
        if state in ("open", "held", "forced"):
            door.open_door()
        if state in ("lockdown", "evacuation"):
            action = DoorAction.LOCKDOWN if state == "lockdown" else DoorAction.EVACUATE
            keeper.obey(DoorCommand(action, 0.0))
            assert door.relay is (state == "evacuation")
        wanted = {"lockdown": "locked", "evacuation": "granted"}.get(state, state)
        if state != "open":  # which is held a moment later
            eventually(lambda: keeper.view.state == wanted)
        doors.report(DOOR, keeper.view.state, keeper.view.mode, problem=False)
        print("there", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main()
