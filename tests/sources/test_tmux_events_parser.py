"""Lines of tmux's control mode, in whatever pieces and however broken they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.sources.tmux.events import Event, EventParser, Kind, parse_line

LAYOUT = (
    b"b1a4,200x50,0,0[200x24,0,0{100x24,0,0,1,99x24,101,0,22},200x25,0,25,3]"
    b" b1a4,200x50,0,0[200x24,0,0{100x24,0,0,1,99x24,101,0,22},200x25,0,25,3] *"
)

PANES = (("%1", "100x24"), ("%22", "99x24"), ("%3", "200x25"))


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"%output %1 hello\\015\\012", Event(Kind.OUTPUT, "%1")),
        (b"%output %1 ", Event(Kind.OUTPUT, "%1")),
        (b"%extended-output %12 0 : %exit", Event(Kind.OUTPUT, "%12")),
        (b"%extended-output %12 0 new fields : text", Event(Kind.OUTPUT, "%12")),
        (b"%pause %3", Event(Kind.OUTPUT, "%3")),
        (b"%continue %3", None),
        (b"%window-add @4", Event(Kind.WINDOW_ADDED, "@4")),
        (b"%window-close @4", Event(Kind.WINDOW_CLOSED, "@4")),
        (b"%unlinked-window-close @4", Event(Kind.WINDOW_CLOSED, "@4")),
        (b"%unlinked-window-add @4", Event(Kind.WINDOW_ADDED_ELSEWHERE, "@4")),
        (b"%session-changed $1 a name", Event(Kind.SESSION, "$1")),
        (b"%sessions-changed", Event(Kind.SESSIONS)),
        (b"%exit", Event(Kind.EXIT)),
        (b"%exit too far behind", Event(Kind.EXIT)),
        (b"identity 12/$3/1700000000", Event(Kind.IDENTITY, "12/$3/1700000000")),
        (b"%layout-change @1 " + LAYOUT, Event(Kind.LAYOUT, "@1", PANES)),
        (b"%layout-change @1 b25d,80x24,0,0,7 b25d,80x24,0,0,7 *", Event(Kind.LAYOUT, "@1", (("%7", "80x24"),))),
        (b"%layout-change @1 nonsense", Event(Kind.LAYOUT, "@1")),
        (b"%layout-change @1", Event(Kind.LAYOUT, "@1")),
        (b"%begin 1363006971 2 1", None),
        (b"%output", None),
        (b"%output 1 x", None),
        (b"%output %x x", None),
        (b"%output %1111111111111111111 x", None),
        (b"%window-add 4", None),
        (b" %exit", None),
        (b"", None),
        (b"\xff\x00", None),
    ],
)  # fmt: skip
def test_lines(line: bytes, event: Event | None) -> None:
    assert parse_line(line) == event
    assert EventParser().feed(line + b"\n") == ([] if event is None else [event])


def test_a_zoomed_pane_has_the_size_that_is_shown() -> None:
    event = parse_line(b"%layout-change @1 x,80x24,0,0{40x24,0,0,1,39x24,41,0,2} y,80x24,0,0,1 *Z")
    assert event is not None
    assert event.panes == (("%1", "80x24"), ("%2", "39x24"))


def test_output_is_an_event_before_its_line_has_ended() -> None:
    parser = EventParser()
    assert parser.feed(b"%extended-output %7 0 : " + b"y" * 100_000) == [Event(Kind.OUTPUT, "%7")]
    assert parser.feed(b"y" * 100_000) == []
    assert parser.kept == 0
    assert parser.feed(b"y\n%exit\n") == [Event(Kind.EXIT)]


def test_a_layout_too_long_to_be_kept_is_one_that_cant_be_told() -> None:
    parser = EventParser()
    assert parser.feed(b"%layout-change @1 x" + b",80x24,0,0,1" * 10_000) == [Event(Kind.LAYOUT, "@1")]
    assert parser.kept == 0
    assert parser.feed(b"\n%window-add @2\n") == [Event(Kind.WINDOW_ADDED, "@2")]


def test_many_outputs_of_one_pane_are_one_event() -> None:
    piece = b"%output %1 y\n%output %2 y\n" * 1000
    assert EventParser().feed(piece) == [Event(Kind.OUTPUT, "%1"), Event(Kind.OUTPUT, "%2")]


WORDS = st.sampled_from(
    [
        b"%output",
        b"%extended-output",
        b"%layout-change",
        b"%exit",
        b"%session-changed",
        b"%begin",
        b"identity",
        b"%pause",
    ]
)
SUBJECTS = st.sampled_from([b"%1", b"@1", b"$1", b"%", b"1/$1/1"])
BLANKS = st.sampled_from([b" ", b""])
LINES = st.one_of(
    st.binary(max_size=300), st.tuples(WORDS, BLANKS, SUBJECTS, BLANKS, st.binary(max_size=200)).map(b"".join)
)


@given(st.lists(LINES, max_size=30), st.data())
def test_pieces_dont_matter_and_nothing_is_kept(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"\n".join(lines) + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    parser = EventParser()
    told: list[Event] = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        told += parser.feed(stream[start:end])
        assert parser.kept <= 1 << 16
    assert parser.kept == 0
    each = [event for line in stream.split(b"\n") if (event := parse_line(line)) is not None]
    assert set(told) == set(each)
    assert list(dict.fromkeys(told)) == list(dict.fromkeys(each))


@given(st.binary(max_size=4000))
def test_any_bytes(raw: bytes) -> None:
    for event in EventParser().feed(raw):
        assert event.subject.isascii()
        assert all(pane.startswith("%") and size for pane, size in event.panes)
