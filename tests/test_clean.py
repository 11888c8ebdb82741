"""Whatever comes in, what comes out is safe, bounded and without secrets; and nothing raises."""

from __future__ import annotations

import dataclasses
import enum
import json
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.clean import (
    NAME_LIMIT,
    NAMELESS,
    REDACTED,
    TEXT_LIMIT,
    VALUE_LIMIT,
    as_text,
    clean_field,
    clean_line,
    clean_name,
    clean_text,
    clean_value,
    is_secret_key,
    type_name,
)

SURROGATE = "\udc80"
anything = st.text(st.characters(codec=None)) | st.text(
    st.sampled_from("a\x1b[]m0;\x07\\\x9b\n\r\t\u202e\u200d名👩\udc80= :-_/@\"'")
)


class Evil:
    """Raises whatever it is asked, and not only with Exceptions."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(name)

    def __repr__(self) -> str:
        raise GeneratorExit

    __str__ = __repr__

    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        return 1


class EvilStr(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("str")

    def __len__(self) -> int:
        raise RuntimeError("len")

    def isprintable(self) -> bool:
        raise RuntimeError("isprintable")


class EvilDict(dict[Any, Any]):
    def items(self) -> Any:
        raise RuntimeError("items")

    def __len__(self) -> int:
        raise RuntimeError("len")


class EvilMeta(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise SystemExit

    def __getattribute__(cls, name: str) -> Any:
        raise SystemExit


def class_of_evil_meta() -> Any:
    """Not at the top of the module, where pytest would look at it."""

    class OfEvilMeta(metaclass=EvilMeta):
        pass

    return OfEvilMeta


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    token: str


class Pair(NamedTuple):
    a: int
    b: int


def itself() -> dict[str, Any]:
    made: dict[str, Any] = {"a": 1}
    made["me"] = made
    made["list"] = [made]
    return made


def deep(levels: int) -> list[Any]:
    made: list[Any] = []
    for _ in range(levels):
        made = [made]
    return made


class Changing(dict[str, int]):
    """Says that it is longer than it is."""

    def __len__(self) -> int:
        return 10**9


EVIL: dict[str, Callable[[], object]] = {
    "raises on everything": Evil,
    "inside a list": lambda: [Evil()],
    "as a key": lambda: {Evil(): Evil()},
    "a str that raises": lambda: EvilStr("a\x00"),
    "a str that raises as a key": lambda: {EvilStr("k"): EvilStr("v")},
    "a dict that raises": lambda: EvilDict(a=Evil()),
    "a dict that lies": lambda: Changing(a=1),
    "a metaclass that raises": lambda: object.__new__(class_of_evil_meta()),
    "a class whose metaclass raises": class_of_evil_meta,
    "itself": itself,
    "deep": lambda: deep(100_000),
    "a number without digits": lambda: 10**6000,
    "a repr of a megabyte": type("R", (), {"__repr__": lambda _: "x" * 1_000_000}),
    "a repr that is no text": type("N", (), {"__repr__": lambda _: 3}),
    "a class that raises": type("C", (), {"__class__": property(lambda _: 1 / 0)}),
    "half a dataclass": type("D", (), {"__dataclass_fields__": 3}),
    "a dataclass of another kind": type("F", (), {"__dataclass_fields__": {1: 2}}),
    "an exception that can't be shown": type("E", (ValueError,), {"__str__": lambda _: 1 / 0}),
    "a view with gaps": lambda: memoryview(b"abcd")[::2],
    "a dataclass without values": lambda: object.__new__(Point),
    "NaN": lambda: float("nan"),
}
each_evil = pytest.mark.parametrize("make", EVIL.values(), ids=EVIL)


class TestNames:
    @pytest.mark.parametrize("name", ["grand_boss", "名前　太郎", "agent 1", "👩‍💻 coder", "Ünïcødé", "a/b:c", "❤️"])
    def test_a_good_name_stays_the_same_object(self, name: str) -> None:
        assert clean_name(name) is name
        assert clean_name(name) is name

    @pytest.mark.parametrize(
        ("given_name", "shown"),
        [
            ("a\x1b[31mb", r"a\x1b[31mb"),
            ("a\x9b31mb", r"a\x9b31mb"),
            ("a\nb", r"a\nb"),
            ("a\x00b", r"a\x00b"),
            ("a\u202eb", r"a\u202eb"),
            ("a\u2066b", r"a\u2066b"),
            (f"a{SURROGATE}b", r"a\udc80b"),
            ("a\u200bb", r"a\u200bb"),
            ("a\u200db", r"a\u200db"),
            ("ㅤ", r"\u3164"),
            ("a\U000e0041b", r"a\U000e0041b"),
            (" boss\n", "boss"),
            ("", NAMELESS),
            (" \t\n", NAMELESS),
            (None, NAMELESS),
            (7, "7"),
            (b"boss\xff", r"boss\xff"),
        ],
    )
    def test_what_deceives_is_shown(self, given_name: object, shown: str) -> None:
        assert clean_name(given_name) == shown

    def test_names_that_differ_only_in_the_invisible_stay_two(self) -> None:
        assert clean_name("boss") != clean_name("boss\u200b") != clean_name("boss\u200c")

    def test_long_names_are_bounded_and_stay_distinct(self) -> None:
        first, second = clean_name("x" * 10_000 + "1"), clean_name("x" * 10_000 + "2")
        assert len(first) == len(second) == NAME_LIMIT
        assert first != second
        assert first == clean_name("x" * 10_000 + "1")

    def test_a_secret_in_a_name(self) -> None:
        assert "sk-ant" not in clean_name("agent sk-ant-api03-abcdef")

    @each_evil
    def test_never_raises(self, make: Callable[[], object]) -> None:
        assert 1 <= len(clean_name(make())) <= NAME_LIMIT

    @given(anything)
    def test_always_one_safe_line(self, text: str) -> None:
        name = clean_name(text)
        assert 1 <= len(name) <= NAME_LIMIT
        assert "\n" not in name
        assert "\x1b" not in name
        assert len(name.splitlines()) == 1
        name.encode()
        assert clean_name(name) == name


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07ok", "ok"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("\x9b31mred", "red"),
            ("\x1bPq data\x1b\\ok", "ok"),
            ("\x1b(Bok\x1b=", "ok"),
            ("\x1b]0;never ends", r"\x1b]0;never ends"),
            ("\x1b\x1b[0m[31mx", r"\x1b[31mx"),
            ("a\r\nb\rc\u2028d\te", "a\nb\nc\nd\te"),
            ("a\x00b\x07", r"a\x00b\x07"),
            ("\u202eabc", r"\u202eabc"),
            (SURROGATE, r"\udc80"),
            ("日本語　全角", "日本語　全角"),
            ("naïve\xa0text", "naïve\xa0text"),
            ("👨‍👩‍👧 \ue0b0", "👨‍👩‍👧 \ue0b0"),
            (None, ""),
            (3.5, "3.5"),
            (b"bytes\xfe", r"bytes\xfe"),
        ],
    )
    def test_table(self, text: object, shown: str) -> None:
        assert clean_text(text) == shown
        assert clean_text(text) == shown  # the second time from memory

    def test_one_line(self) -> None:
        assert clean_line("a\n  b\tc ") == "a b c"
        assert clean_line("password:\nhunter2 was typed") == f"password: {REDACTED} was typed"
        assert "MIIEow" not in clean_line("x\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----")
        assert len(clean_line("x\n" * 900, 500)) == 500

    def test_too_long_is_cut_with_the_number_of_what_is_missing(self) -> None:
        cut = clean_text("x" * 20_000)
        assert len(cut) == TEXT_LIMIT
        kept, _, rest = cut.partition("…[+")
        assert len(kept) + int(rest.rstrip("]")) == 20_000

    def test_small_limits(self) -> None:
        assert clean_text("abcdef", 3) == "abc"
        assert clean_text("abcdef", 0) == ""
        assert clean_text("x" * 50, 12).endswith("]")
        assert clean_text("password=x", 10) == "pass…[+14]"

    def test_a_secret_standing_across_the_limit_is_seen(self) -> None:
        text = "x" * (TEXT_LIMIT - 12) + " sk-ant-api03-" + "Ab1" * 40
        assert "sk-ant" not in clean_text(text)

    @given(anything, st.sampled_from([20, 1000]))
    def test_always_safe_and_bounded(self, text: str, limit: int) -> None:
        cleaned = clean_text(text, limit)
        assert len(cleaned) <= limit
        cleaned.encode()
        assert not {c for c in cleaned if c < " " or "\x7f" <= c <= "\x9f"} - {"\n", "\t"}
        assert "\u202e" not in cleaned

    @each_evil
    def test_never_raises(self, make: Callable[[], object]) -> None:
        evil = make()
        assert isinstance(clean_text(evil), str)
        assert isinstance(as_text(evil), str)
        assert isinstance(type_name(evil), str)

    def test_a_persons_interrupt_goes_through(self) -> None:
        class Interrupted:
            def __str__(self) -> str:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            clean_text(Interrupted())

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "unit",
        [
            "\x1b[",
            "\x1b]",
            "\x9b0",
            "-eyJ",
            "sk-",
            "://:",
            "://a:",
            "-----BEGIN A PRIVATE KEY-----",
            "token",
            "password=",
            "bearer ",
            "-----END ",
            "--key ",
            "\"'\\",
            "eyJa.",
            "ghp_",
            "@://",
            "\udc80",
            "a_token ",
            "cookie:",
            "\n" + "A" * 63,
            "\nMIIB",
            "SG.aaaaaaaaaaaaaaaa",
            "/api/webhooks/",
            "eyJ",
            "password:\n ",
            "token>",
            "A" * 60 + "\\n",
            "a=\n-----END PRIVATE KEY",
        ],
    )
    def test_hostile_input_takes_linear_time(self, unit: str) -> None:
        text = "@" + unit * (1_000_000 // len(unit))
        began = time.process_time()
        clean_text(text, 900_000)
        assert time.process_time() - began < 20
        began = time.process_time()
        clean_text(text)
        assert time.process_time() - began < 0.5


SECRETS = {
    "sk-ant-api03-abc_DEF-123": "sk-ant-api03-abc_DEF-123",
    "key is sk-proj-abcdef0123456789abcd.": "sk-proj-abcdef0123456789abcd",
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "github_pat_11ABCDEFG0abcdefghijk": "11ABCDEFG0",
    "xoxb-123456789012-abcdefGHIJ": "123456789012",
    "xapp-1-A111-222-abc": "A111",
    "AKIAIOSFODNN7EXAMPLE": "AKIAIOSFODNN7EXAMPLE",
    "Authorization: Bearer abc.def-123": "abc.def",
    "bearer abcdef123456": "abcdef123456",
    "Authorization: Basic dXNlcjpwYXNz": "dXNlcjpwYXNz",
    "Cookie: session=abc; id=def": "def",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123": "eyJzdWIi",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc\n-----END RSA PRIVATE KEY-----": "MIIEow",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz": "b3BlbnNz",
    "GET https://user:p%40ss@host/path": "p%40ss",
    "postgres://u:p@ss:word@db:5432/x": "ss:word",
    "https://0123456789abcdef0123@github.com/x": "0123456789abcdef",
    "https://hooks.slack.com/services/T000/B000/XXXXYYYY": "XXXXYYYY",
    "password=hunter2": "hunter2",
    "PASSWORD = 'hunter 2'": "hunter 2",
    "token: abc123": "abc123",
    '{"api_key": "abc def"}': "abc def",
    r"{\"api_key\": \"abcdef\"}": "abcdef",
    "?access_token=abc&x=1": "abc",
    "DD_API_KEY=0123456789abcdef0123456789abcdef": "0123456789abcdef",
    "smtp_pass: geheim": "geheim",
    "run --password hunter2 --verbose": "hunter2",
    "aws_secret_access_key = abc/def+ghi": "abc/def",
    "İ token=abc": "abc",
    "Set-Cookie: sid=abc": "sid=abc",
    "clientSecret: abcdef": "abcdef",
    "ValueError: password=hunter2": "hunter2",
    "AIzaSyA1234567890abcdefghijklmnopqrstuv": "AIzaSy",
}
INNOCENT = [
    "token_count=12 tokens: 5 max_tokens=3 input_tokens=100",
    "0123456789abcdef0123456789abcdef",
    "trace_id=0123456789abcdef0123456789abcdef",
    "disk-usage-of-the-whole-machine: 5",
    "the author: John, key: value, monkey=1, keyboard: x",
    "ssh://git@github.com/x/y.git",
    "http://localhost:8000/metrics",
    "3 passed, 1 failed; pass=3 pass: 4",
    "PWD=/home/agent OLDPWD=/tmp",
    "secret_name=db token_type: bearer",
    "password: null",
    "Authorization required",
    "hooks installed",
]


class TestSecrets:
    @pytest.mark.parametrize(("text", "secret"), SECRETS.items())
    def test_found_in_text(self, text: str, secret: str) -> None:
        for around in (text, f"before {text} after", f"日本 {text}\nnext line", "x" * 200 + " " + text):
            cleaned = clean_text(around)
            assert secret not in cleaned, cleaned
            assert REDACTED in cleaned
            assert secret not in str(clean_value({"x": [around]}))
        assert clean_text(clean_text(text)) == clean_text(text)

    def test_what_stands_around_stays(self) -> None:
        cleaned = clean_text("a=1 password=x b=2 https://u:p@h/p?token=abc&n=1 end")
        assert cleaned == f"a=1 password={REDACTED} b=2 https://{REDACTED}@h/p?token={REDACTED}&n=1 end"
        assert clean_text('{"password": "a\\"b", "n": 1}') == f'{{"password": "{REDACTED}", "n": 1}}'

    @pytest.mark.parametrize("text", INNOCENT)
    def test_innocent_text_stays(self, text: str) -> None:
        assert clean_text(text) == text

    @pytest.mark.parametrize(
        "key",
        [
            "password",
            "PASSWD",
            "secret",
            "token",
            "api_key",
            "apiKey",
            "X-Api-Key",
            "authorization",
            "Cookie",
            "auth_token",
            "accessToken",
            "DD_API_KEY",
            "client_secret",
            "SLACK_WEBHOOK_URL",
            "SMTP_PASS",
            "private-key",
            "db.password",
            "jwt",
            "refresh_token",
            "npm_authToken",
            "credentials",
            "set-cookie",
            "userpassword",
            "aws_access_key",
            "x" * 500 + "_token",
        ],
    )
    def test_secret_keys(self, key: str) -> None:
        assert is_secret_key(key)
        assert clean_field(key, "x") == REDACTED
        assert clean_value({key: {"deep": 1}}) == {clean_name(key): REDACTED}

    @pytest.mark.parametrize(
        "key",
        [
            "token_count",
            "tokens",
            "trace_id",
            "max_tokens",
            "gen_ai.usage.input_tokens",
            "key",
            "author",
            "passed",
            "monkey",
            "agent_name",
            "secret_name",
            "token_type",
            "",
            "password_file",
            "auth_method",
            "cookie_count",
            "primary_key",
            "__",
        ],
    )
    def test_other_keys(self, key: str) -> None:
        assert not is_secret_key(key)
        assert clean_field(key, "x") == "x"

    def test_no_value_is_no_secret(self) -> None:
        assert clean_field("password", None) is None
        assert clean_field("password", value=False) is False


class TestValues:
    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            (None, None),
            (True, True),
            (1, 1),
            (1.5, 1.5),
            (2**63 - 1, 2**63 - 1),
            (-(2**63), -(2**63)),
            (2**63, "9223372036854775808"),
            (2**70, str(2**70)),
            (float("nan"), "NaN"),
            (float("inf"), "Infinity"),
            (float("-inf"), "-Infinity"),
            (b"ab\x00\xff", r"ab\x00\xff"),
            (bytearray(b"x"), "x"),
            ((1, "a"), [1, "a"]),
            ({3, 1, 2}, [1, 2, 3]),
            (frozenset({"b", "a"}), ["a", "b"]),
            (deque([1]), [1]),
            ({1: "a", None: 2, (1, 2): 3}, {"1": "a", "None": 2, "[1, 2]": 3}),
            ({1: "a", "1": "b"}, {"1": "a", "1~": "b"}),
            (Colour.RED, "red"),
            (Point(1, "abc"), {"x": 1, "token": REDACTED}),
            (ValueError("bad"), "ValueError: bad"),
            (Path("/tmp/x"), "/tmp/x"),  # noqa: S108  only a name
            (Decimal("1.50"), "1.50"),
            (UUID(int=1), str(UUID(int=1))),
            (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02 00:00:00+00:00"),
            (Pair(1, 2), [1, 2]),
        ],
    )
    def test_table(self, value: object, shown: object) -> None:
        assert clean_value(value) == shown
        assert type(clean_value(value)) is type(shown)

    def test_containers_in_themselves_deep_and_long_ones_are_cut(self) -> None:
        assert clean_value(itself()) == {"a": 1, "me": "…(itself)", "list": ["…(itself)"]}
        assert "…(list)" in json.dumps(clean_value(deep(10_000)), ensure_ascii=False)
        assert clean_value(list(range(150)))[-1] == "…(+50)"  # type: ignore[index]
        assert clean_value({str(i): i for i in range(150)})["…"] == "+50"  # type: ignore[call-overload,index]
        wide = [[[0] * 100] * 100] * 100
        assert len(orjson.dumps(clean_value(wide))) < 20_000
        long = ["x" * 10_000] * 100
        assert len(orjson.dumps(clean_value(long))) < 10 * VALUE_LIMIT

    def test_the_same_value_twice_is_no_cycle(self) -> None:
        shared = [1]
        assert clean_value([shared, shared]) == [[1], [1]]

    @each_evil
    def test_never_raises(self, make: Callable[[], object]) -> None:
        assert len(orjson.dumps({"x": clean_value(make())})) < 30_000

    json_like = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | anything | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(anything | st.integers() | st.none(), inner) | st.tuples(inner),
    )

    @given(json_like)
    def test_always_encodable(self, value: object) -> None:
        assert orjson.loads(orjson.dumps({"x": clean_value(value)}))["x"] == clean_value(value)
