from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamauth.core.door.events import DoorEventKind
from streamauth.errors import BadPin, BadPlan, BadSchedule, InputError
from streamauth.service.door_tables import TableKind, events_table, export_table, import_table
from streamauth.store.door_plan import Claimed, DoorPlan
from tests.outputs.making import message
from tests.store.helpers import opened

PEOPLE = """\
name,profile,duress_profile,groups,valid_from,valid_until,suspended,needs_time,badge,pin,duress_pin
Ada,ada,ada-threat,night staff,2026-01-01,2027-01-01,no,yes,159-1270,2468,2469
"Bob, the builder",bob,,,,,yes,no,,1357,
"""
TABLES = {
    TableKind.PERMISSIONS: "who,door,schedule\n@staff,*,office\nAda,lab,always\n",
    TableKind.SCHEDULES: "name,days,from,to,on_holidays\noffice,mon-fri,08:00,18:00,no\noffice,sat,09:00,12:00,yes\n",
    TableKind.HOLIDAYS: "day\n12-25\n2026-04-03\n",
}


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[DoorPlan]:
    with opened(tmp_path) as store:
        yield store.door_plan


def test_people_come_back_without_their_pins(plan: DoorPlan) -> None:
    assert import_table(plan, TableKind.PEOPLE, PEOPLE) == 2
    text = export_table(plan, TableKind.PEOPLE)
    assert text == PEOPLE.replace("2468,2469", ",").replace("1357", "")
    assert import_table(plan, TableKind.PEOPLE, text) == 2, "and it can be read again"
    assert plan.by_pin("2468") == Claimed("Ada"), "which leaves the PINs as they are"
    assert plan.by_pin("2469") == Claimed("Ada", duress=True)


@pytest.mark.parametrize("kind", TABLES)
def test_the_other_tables_come_back_as_they_were(plan: DoorPlan, kind: TableKind) -> None:
    import_table(plan, kind, "\ufeff" + TABLES[kind].replace("\n", "\r\n"))
    import_table(plan, kind, TABLES[kind])
    text = export_table(plan, kind)
    assert sorted(text.splitlines()) == sorted(TABLES[kind].splitlines())


def test_a_pin_is_taken_away_and_people_are_replaced(plan: DoorPlan) -> None:
    import_table(plan, TableKind.PEOPLE, PEOPLE)
    import_table(plan, TableKind.PEOPLE, "name,pin\nAda,-\n", replace=True)
    assert plan.by_pin("2468") is None
    assert list(plan.load().people) == ["Ada"]
    assert plan.by_pin("1357") is None


@pytest.mark.parametrize(
    ("kind", "text", "error", "says"),
    [
        (TableKind.PEOPLE, "", BadPlan, "first line"),
        (TableKind.PEOPLE, "nome\nAda\n", BadPlan, "first line"),
        (TableKind.PEOPLE, "name,name\nAda,Ada\n", BadPlan, "first line"),
        (TableKind.PEOPLE, "name,badge\nAda\n", BadPlan, "Line 2"),
        (TableKind.PEOPLE, "name\nAda,1\n", BadPlan, "Line 2"),
        (TableKind.PEOPLE, "name,badge\n,1\n", BadPlan, "Line 2"),
        (TableKind.PEOPLE, 'name\n"Ada\n', BadPlan, "no CSV"),
        (TableKind.PEOPLE, "name,valid_from\nAda,soon\n", BadPlan, "Line 2"),
        (TableKind.PEOPLE, "name,suspended\nAda,maybe\n", BadPlan, "Line 2"),
        (TableKind.PEOPLE, "name,pin\nAda,12\n", BadPin, "digits"),
        (TableKind.PEOPLE, "name\nAda\nAda\n", BadPlan, "twice"),
        (TableKind.PEOPLE, "name,badge\nAda,1\nBob,1\n", BadPlan, "badge"),
        (TableKind.PERMISSIONS, "who,door\nAda,\n", BadPlan, "Line 2"),
        (TableKind.SCHEDULES, "name,days,from,to\noffice,mon,08:00,25:00\n", BadSchedule, "08:00"),
        (TableKind.HOLIDAYS, "day\nsoon\n", BadSchedule, "holiday"),
    ],
)
def test_a_table_that_cannot_be_used_changes_nothing(
    plan: DoorPlan, kind: TableKind, text: str, error: type[InputError], says: str
) -> None:
    import_table(plan, TableKind.PEOPLE, PEOPLE)
    for other, table in TABLES.items():
        import_table(plan, other, table)
    before = [export_table(plan, each) for each in TableKind]
    with pytest.raises(error, match=says):
        import_table(plan, kind, text, replace=True)
    assert [export_table(plan, each) for each in TableKind] == before


@given(st.sampled_from(TableKind), st.text(max_size=60))
def test_any_text_is_read_or_refused_by_name(kind: TableKind, text: str) -> None:
    class Nowhere:
        def __getattr__(self, name: str) -> object:
            return lambda *_, **__: None

    with suppress(InputError):
        import_table(Nowhere(), kind, text)  # type: ignore[arg-type]


def test_the_log_as_a_table() -> None:
    lines = list(
        events_table([message(1), message(2, DoorEventKind.PASSED, person='A "B", C', area="x", direction="in")])
    )
    assert lines == [
        "at,door,event,person,reason,area,direction,id\n",
        "2026-05-28T20:26:40.001Z,front door,granted,ada,voice,,,m-1\n",
        '2026-05-28T20:26:40.002Z,front door,passed,"A ""B"", C",voice,x,in,m-2\n',
    ]
