"""What `top` lays over its table: questions, and text to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static


class Question(NamedTuple):
    """One line to be filled in; `wrong` says what is wrong with an answer, or ""."""

    label: str
    value: str = ""
    wrong: Callable[[str], str] = lambda _: ""


class Ask(ModalScreen[list[str] | None]):
    """Some lines to be filled in: Enter goes on to the next, and from the last one gives the answers; Esc gives None.

    Args:
        title: What it is about.
        questions: One a line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave")]

    def __init__(self, title: str, questions: Sequence[Question]) -> None:
        super().__init__()
        self._title, self._questions = title, questions

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(Text(self._title, style="bold"), markup=False)
            for number, question in enumerate(self._questions):
                yield Static(Text(question.label), markup=False)
                yield Input(question.value, id=f"answer{number}", compact=True)
            yield Static("", id="wrong", markup=False)
            yield Static(Text("Enter: done · Esc: leave it", style="dim"), markup=False)

    def on_mount(self) -> None:
        self.query_one("#answer0", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        inputs = [self.query_one(f"#answer{number}", Input) for number in range(len(self._questions))]
        at = inputs.index(event.input)
        if wrong := self._questions[at].wrong(event.value):
            self.query_one("#wrong", Static).update(Text(wrong, style="bold red"))
            return
        self.query_one("#wrong", Static).update("")
        if at + 1 < len(inputs):
            inputs[at + 1].focus()
        else:
            self.dismiss([one.value.strip() for one in inputs])

    def action_leave(self) -> None:
        self.dismiss(None)


class Reader(ModalScreen[None]):
    """Text to read; any further text is put below it by `more`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,d,l,question_mark", "leave", "back"),
        Binding("j", "scroll('down')", "down", show=False),
        Binding("k", "scroll('up')", "up", show=False),
    ]

    def __init__(self, text: Text, hint: str = "Esc: back", *, at_end: bool = False) -> None:
        super().__init__()
        self.text = text
        self._hint, self._at_end = hint, at_end

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="page", id="page"):
            yield Static(self.text, id="text", markup=False)
        yield Static(Text(self._hint, style="dim"), classes="hint", markup=False)

    def on_mount(self) -> None:
        self.query_one("#page").focus()

    def show(self, text: Text) -> None:
        """Another text in its place."""
        self.text = text
        for shown in self.query("#text").results(Static):  # none yet where it isn't composed
            shown.update(text)
            self.call_after_refresh(self._go_to_end)

    def _go_to_end(self) -> None:
        if self._at_end:
            self.query_one("#page", VerticalScroll).scroll_end(animate=False)

    def action_scroll(self, where: str) -> None:
        page = self.query_one("#page", VerticalScroll)
        (page.scroll_down if where == "down" else page.scroll_up)(animate=False)

    def action_leave(self) -> None:
        self.dismiss(None)
