"""Recorded events and decisions of every mode through every entrance: what must stay while the code moves.

Only outer surfaces are used here: ``import streamauth``, its commands, a real server, the package ``sounddevice`` and
the standard library. So a module may move without a word changed here.

    python -m tests.golden.record                   write the recordings anew
    python -m tests.golden.record --check           compare with them
    python -m tests.golden.record --check --exact   to the last bit, on the machine that wrote them
"""
