"""How posts and replies look in a terminal: wrapped to its width, quiet colours, real links."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from bot.domain import Card, Post, PostKind, Reply
from bot.render import byline, count_words, figures, guard_post, guard_reply, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

NARROWEST = 24
WIDEST = 100  # longer lines are hard to read, however wide the window
_COLUMN = re.compile(r" *\S+(?: \S+)*  +(?=\S)")  # a term, then its explanation
_NUMBERED = re.compile(r"(\d+)\. (.*)")


class Screen:
    """Draws on one text stream, each post or reply in one write."""

    def __init__(self, stream: TextIO, *, width: int | None = None) -> None:
        """Draw on ``stream``; ``width`` in columns, by default the window's own."""
        self._stream = stream
        self._width = width
        self._console: Console | None = None
        self._gone = False

    def post(self, post: Post) -> None:
        """Draw a post; a stream that is gone is not an error, the history has the post."""
        self._draw(self._post_lines(guard_post(post)))

    def reply(self, reply: Reply) -> None:
        """Draw the answer to a command or a vote."""
        self._draw(self._reply_lines(guard_reply(reply)))

    def _draw(self, lines: Iterable[Text]) -> None:
        from rich.text import Text

        if self._gone:
            return
        console = self._open()
        # Rich draws into memory and we write: on a closed pipe Rich itself would end the process.
        drawn = console.file = io.StringIO()
        console.print(Text("\n").join(lines), soft_wrap=True, highlight=False)
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        text = drawn.getvalue().encode(encoding, "replace").decode(encoding)
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._gone = True

    def _open(self) -> Console:
        if self._console is None:
            from rich.console import Console

            tty = self._is_terminal()
            # Our own answer to "is it a terminal": a setting meant for logs must not put
            # escape sequences into a file.
            self._console = Console(
                file=io.StringIO(),
                force_terminal=tty,
                no_color=True if not tty else None,
                markup=False,
                emoji=False,
                highlight=False,
                legacy_windows=False,
            )
        return self._console

    def _is_terminal(self) -> bool:
        try:
            return self._stream.isatty()
        except ValueError:  # closed
            return False

    @property
    def _links(self) -> bool:
        """Whether links can be hidden behind words."""
        console = self._open()
        return console.is_terminal and console.color_system is not None

    @property
    def _columns(self) -> int:
        asked = os.environ.get("COLUMNS", "")
        if self._width is not None:
            columns = self._width
        elif asked.isdecimal() and 0 < len(asked) < 6:
            columns = int(asked)
        else:
            try:
                columns = os.get_terminal_size(self._stream.fileno()).columns or 80
            except (OSError, ValueError):  # no window, or nothing with a size at all
                columns = 80
        return max(NARROWEST, min(columns, WIDEST))

    # --- what is drawn

    def _post_lines(self, post: Post) -> Iterable[Text]:
        if post.kind is not PostKind.PAPER:
            yield from self._head(post)
        for line in post.lines:
            numbered = _NUMBERED.fullmatch(line)
            if numbered:
                yield from self._wrap(numbered[2], first=f"  {numbered[1]:>2}  ", mark="bold cyan")
            else:
                yield from self._wrap(line, first="   ")
        if post.lines:
            yield self._text("")
        for card in post.cards:
            yield from self._card_lines(card)

    def _head(self, post: Post) -> Iterable[Text]:
        headline = self._wrap(
            post.headline, first="━━ ", rest="   ", style="bold", mark="bold cyan"
        )
        *above, last = headline or [self._text("━━")]
        if post.kind is not PostKind.NOTICE and (room := self._columns - last.cell_len - 1) > 0:
            last.append(" " + "━" * room, style="bold cyan")
        yield from (*above, last)
        if post.footer:
            yield from self._wrap(post.footer, first="   ", style="dim")
        yield self._text("")

    def _card_lines(self, card: Card) -> Iterable[Text]:
        title = f"bold link {card.url}" if card.url and self._links else "bold"
        lines = self._wrap(
            card.title, first=f"{card.number:>2}  ", rest="    ", style=title, mark="bold cyan"
        )
        if card.label:
            lines = self._append(lines, f"[{card.label}]", style="magenta")
        yield from lines
        if card.url:
            yield self._text("    ").append_text(self._link(card.url))
        yield from self._wrap(byline(card), first="    ", style="dim")
        yield from self._wrap(card.summary, first="    ")
        if card.summary and card.summary_label:
            yield from self._wrap(f"({card.summary_label})", first="    ", style="dim")
        yield from self._wrap(card.reason, first="    why   ", style="green", mark="dim")
        counted = figures(card)
        if counted:
            yield from self._wrap(" · ".join(counted), first="    ", style="dim")
        if card.code_url:
            code = self._text("    code  ", style="dim").append_text(self._link(card.code_url))
            if card.code_stars:
                code.append(f"  {count_words(card.code_stars, 'star')}", style="dim")
            yield code
        yield self._text("")

    def _reply_lines(self, reply: Reply) -> Iterable[Text]:
        mark, style = ("▸ ", "bold") if reply.ok else ("✗ ", "bold red")
        yield from self._wrap(reply.headline, first=mark, rest="  ", style=style, mark=style)
        for line in reply.lines:
            column = _COLUMN.match(line)
            if column and column.end() <= self._columns // 2:
                yield from self._wrap(line[column.end() :], first="  " + column[0])
            else:
                yield from self._wrap(line, first="  ", rest="      ") or [self._text("")]
        yield self._text("")
        for card in reply.cards:
            yield from self._card_lines(card)
        if reply.more:
            yield from self._wrap(visible(reply.more), first="  more: /papers ", rest="    ")
            yield self._text("")

    # --- pieces

    def _text(self, text: str, style: str = "") -> Text:
        from rich.text import Text

        return Text(text, style=style)

    def _link(self, url: str) -> Text:
        if not self._links:
            return self._text(url)
        shown = url.removeprefix("https://").removeprefix("http://")
        return self._text(shown, style=f"cyan link {url}")

    def _append(self, lines: list[Text], words: str, *, style: str) -> list[Text]:
        *above, last = lines
        if last.cell_len + 2 + len(words) <= self._columns:
            return [*above, last.append("  ").append(words, style=style)]
        return [*lines, *self._wrap(words, first="    ", style=style)]

    def _wrap(
        self, words: str, *, first: str, rest: str = "", style: str = "", mark: str = ""
    ) -> list[Text]:
        """Wrap to the width under a hanging indent; ``first`` opens the first line."""
        if not words.strip():
            return []
        opening = self._text(first, style=mark)
        rest = rest or " " * opening.cell_len
        room = max(8, self._columns - max(opening.cell_len, len(rest)))
        wrapped = self._text(words, style=style).wrap(self._open(), room)
        lines: list[Text] = []
        for line in wrapped:
            line.rstrip()
            lines.append(self._text("").append_text(opening).append_text(line))
            opening = self._text(rest)
        return lines
