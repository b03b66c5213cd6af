"""From domain values to neutral posts: pure, bounded in length, and safe whatever the text was.

Every text that leaves here is one line without control, bidirectional or invisible characters,
and free text never shows a link: links stand only in the fields made for them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date
from urllib.parse import urlsplit

from bot.domain import Card, DigestKind, Layout, Paper, PaperwireError, Post, PostKind, Reply

TITLE_LIMIT = 250
LISTED_TITLE_LIMIT = 150
AUTHORS_LIMIT = 200
NAME_LIMIT = 60
SUMMARY_LIMIT = 900
REASON_LIMIT = 300
LABEL_LIMIT = 60
HEADLINE_LIMIT = 150
LINE_LIMIT = 300
REPLY_LINE_LIMIT = 1000
URL_LIMIT = 2000
NAMES_SHOWN = 3
CATEGORIES_SHOWN = 6

_READ_LIMIT = 20_000  # characters looked at: keeps hostile text from costing time
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_ESCAPE_SEQUENCE = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]{0,2000}(?:\x07|\x1b\\|\x9c)?"  # operating system command
    r"|(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,16}[@-~]?"  # control sequence
    r"|\x1b[ -/]{0,4}[0-~]?"  # the short ones
)
_JOINERS = "\u200c\u200d"
_JOINED = r"[^\x00-\x7f\s\u200c\u200d]"
_LONE_JOINER = re.compile(f"(?<!{_JOINED})[{_JOINERS}]|[{_JOINERS}](?!{_JOINED})")
_TOP_LEVEL = (
    "ai|app|biz|cc|cn|co|com|dev|edu|eu|fr|de|gov|info|io|jp|me|net|org|page|ru|site|uk|xyz"
)
_LINK = re.compile(
    r"[(\[{<\"']{0,3}"
    r"(?:[a-z0-9+.-]{0,20}://"
    r"|https?:(?=\S)"
    r"|\bmailto:(?=\S)"
    r"|www\d?\."
    rf"|(?<![a-z0-9.-])(?:[a-z0-9-]{{1,63}}\.){{1,6}}(?:{_TOP_LEVEL})(?::\d+)?/(?=\S)"
    r")\S*",
    re.IGNORECASE,
)


# --- text ---------------------------------------------------------------------------------------


def visible(text: str) -> str:
    """Return the text as one line of what can be seen: no escape, control or direction marks.

    Line ends and tabs become single spaces; other runs of spaces stay. A joiner stays only between
    two characters outside ASCII, where scripts and emoji need it.
    """
    text = text[:_READ_LIMIT]
    if text.isprintable():  # as most texts are: nothing in it is unseen
        return text
    text = _ESCAPE_SEQUENCE.sub("", text)
    kept = (
        " " if char.isspace() else char
        for char in text
        if char.isspace()
        or char in _JOINERS
        or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co"}
    )
    return _LONE_JOINER.sub("", "".join(kept))


def clip(text: str, limit: int) -> str:
    """Shorten to at most ``limit`` characters, at a word's end where one is near, with an ``…``."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    space = cut.rfind(" ")
    if space > limit * 2 // 3:
        cut = cut[:space]
    return cut.rstrip(" ,;:./-–—([{<\"'" + _JOINERS) + "…"


def plain_text(text: str, limit: int) -> str:
    """Return free text as one visible line of at most ``limit`` characters, links dropped."""
    line = " ".join(visible(text).split())
    line = " ".join(_LINK.sub("", line).split())
    return clip(_LONE_JOINER.sub("", line), limit)


def safe_url(url: str | None) -> str | None:
    """Return a link that can be shown, or None: http(s), a host, no user part, printable ASCII."""
    if url is None or not 0 < len(url) <= URL_LIMIT:
        return None
    if any(char <= " " or char > "~" or char in '"<>\\^`{|}' for char in url):
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and host and "@" not in parts.netloc else None


def count_words(number: int, one: str, many: str = "") -> str:
    """Return ``1 paper``, ``5 papers``, ``1,204 papers``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def date_words(day: date | None) -> str:
    """Return ``12 Jun 2026``; empty where the date is not known."""
    return "" if day is None else f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def day_words(day: date) -> str:
    """Return ``Fri 12 Jun 2026``."""
    return f"{_DAYS[day.weekday()]} {date_words(day)}"


# --- one paper ----------------------------------------------------------------------------------


def authors_line(names: Sequence[str], count: int) -> str:
    """Return up to four names, or the first three and how many more; ``6 authors`` without names.

    ``count`` is the number of authors there are, which can be more than the names known.
    """
    clean = [name for name in (plain_text(name, NAME_LIMIT) for name in names[:5]) if name]
    total = max(count, len(names))
    if not clean:
        return count_words(total, "author") if total > 0 else ""
    if total > len(clean) or len(clean) > NAMES_SHOWN + 1:
        clean = clean[:NAMES_SHOWN]
        last = f"{total - len(clean):,} more"
    else:
        last = clean.pop()
    return f"{', '.join(clean)} and {last}" if clean else last


def paper_url(paper: Paper) -> str | None:
    """Return the paper's own link: as its source gave it, else from its arXiv id, else its DOI."""
    given = safe_url(paper.url)
    if given is None and paper.arxiv_id:
        given = safe_url(f"https://arxiv.org/abs/{paper.arxiv_id}")
    if given is None and paper.doi:
        given = safe_url(f"https://doi.org/{paper.doi}")
    return given


def card(
    paper: Paper,
    *,
    number: int,
    summary: str,
    reason: str,
    match: int | None,
    label: str = "",
    summary_label: str = "",
) -> Card:
    """Make the card of one paper. ``match`` is 0 to 100, None where nothing was learned yet."""
    return guard_card(
        Card(
            number=number,
            handle=paper.handle,
            title=paper.title,
            url=paper_url(paper),
            authors=authors_line(paper.authors, paper.author_count),
            date=date_words(paper.published),
            summary=summary,
            reason=reason,
            match=match,
            label=label,
            summary_label=summary_label,
            upvotes=paper.upvotes,
            comments=paper.comments,
            code_url=paper.code_url,
            code_stars=paper.code_stars,
            categories=paper.categories,
        )
    )


def byline(card: Card) -> str:
    """Return authors, date and categories in one line, leaving out what is not known."""
    known = (card.authors, card.date, ", ".join(card.categories[:2]))
    return " · ".join(words for words in known if words)


def figures(card: Card) -> tuple[str, ...]:
    """Return what can be counted, in words: ``match 87``, ``43 upvotes``, ``2 comments``."""
    words: list[str] = []
    if card.match is not None:
        words.append(f"match {card.match}")
    if card.upvotes is not None:
        words.append(count_words(card.upvotes, "upvote"))
    if card.comments:
        words.append(count_words(card.comments, "comment"))
    return tuple(words)


# --- digests ------------------------------------------------------------------------------------


def digest_posts(
    layout: Layout,
    *,
    channel_name: str,
    day: str,
    considered: int,
    cards: Sequence[Card],
    notes: Sequence[str] = (),
    kind: DigestKind = DigestKind.DAILY,
) -> tuple[Post, ...]:
    """Lay out a digest as the posts to send, in order; without cards it is one quiet notice.

    ``day`` is already in words (``day_words``); ``considered`` counts the candidates there were.
    ``thread`` and ``cards`` give a header and one post a paper, ``single`` gives one post.
    """
    if not cards:
        notice = quiet_post(channel_name=channel_name, day=day, considered=considered, kind=kind)
        return (guard_post(replace(notice, lines=tuple(notes))),)
    headline = f"{_TITLES[kind]} {channel_name} · {day}" if channel_name else day
    footer = " · ".join((_tally(len(cards), considered, kind), *notes))
    if layout is Layout.SINGLE:
        return (guard_post(Post(PostKind.SINGLE, headline, cards=tuple(cards), footer=footer)),)
    titles: tuple[str, ...] = ()
    if layout is Layout.THREAD:
        titles = tuple(f"{c.number}. {plain_text(c.title, LISTED_TITLE_LIMIT)}" for c in cards)
    header = Post(PostKind.HEADER, headline, lines=titles, footer=footer)
    return (guard_post(header), *(paper_post(c) for c in cards))


_TITLES = {
    DigestKind.DAILY: "Papers for",
    DigestKind.MISSED: "You missed, in",
    DigestKind.MORE: "More papers for",
    DigestKind.SHARED: "Shared with",
}


def _tally(chosen: int, considered: int, kind: DigestKind) -> str:
    if kind is DigestKind.MISSED:
        return f"{chosen} that drew attention in the past week"
    if kind is DigestKind.MORE:
        return f"the next {chosen}"
    if kind is DigestKind.SHARED:
        return "by a member"
    if chosen >= considered:
        return count_words(chosen, "new paper")
    return f"{chosen} of {count_words(considered, 'new paper')}"


def paper_post(card: Card) -> Post:
    """Return the post that carries one paper."""
    return guard_post(Post(PostKind.PAPER, f"{card.number}. {card.title}", cards=(card,)))


def quiet_post(
    *, channel_name: str, day: str, considered: int, kind: DigestKind = DigestKind.DAILY
) -> Post:
    """Return the short notice of a day on which nothing was chosen."""
    if kind is DigestKind.MORE:
        said = f"No more papers for {channel_name} · {day}"
    elif considered <= 0:
        said = f"No new papers for {channel_name} · {day}"
    else:
        said = f"Nothing close enough for {channel_name} · {day}"
    footer = ""
    if considered > 0 and kind is DigestKind.DAILY:
        footer = f"{count_words(considered, 'paper')} read; /papers more shows the nearest"
    return guard_post(Post(PostKind.NOTICE, said, footer=footer))


def catch_up_note(missed: int, since: date) -> str:
    """Return ``covers 3 missed digests since Tue 9 Jun``."""
    day = f"{_DAYS[since.weekday()]} {since.day} {_MONTHS[since.month - 1]}"
    return f"covers {count_words(missed, 'missed digest')} since {day}"


# --- the last guard -----------------------------------------------------------------------------


def guard_card(card: Card) -> Card:
    """Return the card with every text bounded, visible and without links; safe cards come back."""
    return replace(
        card,
        handle=plain_text(card.handle, NAME_LIMIT),
        title=plain_text(card.title, TITLE_LIMIT) or "Untitled",
        url=safe_url(card.url),
        authors=plain_text(card.authors, AUTHORS_LIMIT),
        date=plain_text(card.date, NAME_LIMIT),
        summary=plain_text(card.summary, SUMMARY_LIMIT),
        reason=plain_text(card.reason, REASON_LIMIT),
        label=plain_text(card.label, LABEL_LIMIT),
        summary_label=plain_text(card.summary_label, LABEL_LIMIT),
        code_url=safe_url(card.code_url),
        categories=tuple(plain_text(c, 30) for c in card.categories[:CATEGORIES_SHOWN]),
    )


def guard_post(post: Post) -> Post:
    """Return the post as any platform may show it; every adapter calls this before it sends."""
    return replace(
        post,
        headline=plain_text(post.headline, HEADLINE_LIMIT),
        lines=tuple(plain_text(line, LINE_LIMIT) for line in post.lines),
        cards=tuple(guard_card(c) for c in post.cards),
        footer=plain_text(post.footer, LINE_LIMIT),
    )


def guard_reply(reply: Reply) -> Reply:
    """Return the reply as any platform may show it.

    Its lines keep their spaces, so that columns stay columns, and their links, which are ours;
    who puts a paper's text into a line passes it through ``plain_text`` first.
    """
    return replace(
        reply,
        headline=clip(" ".join(visible(reply.headline).split()), REPLY_LINE_LIMIT),
        lines=tuple(clip(visible(line).rstrip(), REPLY_LINE_LIMIT) for line in reply.lines),
        cards=tuple(guard_card(c) for c in reply.cards),
    )


# --- plain words --------------------------------------------------------------------------------


def card_as_text(card: Card) -> str:
    """Return a card as plain lines: for notifications, screen readers and plain mail."""
    label = f" ({card.label})" if card.label else ""
    said_by = f" ({card.summary_label})" if card.summary and card.summary_label else ""
    code = f"Code: {card.code_url}" if card.code_url else ""
    lines = (
        f"{card.number}. {card.title}{label}",
        card.url or "",
        byline(card),
        card.summary + said_by,
        f"Why: {card.reason}" if card.reason else "",
        " · ".join(figures(card)),
        code,
    )
    return "\n".join(line for line in lines if line)


def post_as_text(post: Post) -> str:
    """Return a post as plain text, cards apart by an empty line."""
    if post.kind is PostKind.PAPER and post.cards:
        return "\n\n".join(card_as_text(c) for c in post.cards)
    head = "\n".join(line for line in (post.headline, post.footer, *post.lines) if line)
    return "\n\n".join(part for part in (head, *(card_as_text(c) for c in post.cards)) if part)


# --- stored form --------------------------------------------------------------------------------

_CARD_FIELDS = tuple(field.name for field in fields(Card))


def post_to_json(post: Post) -> str:
    """Return the post as one line of ASCII JSON, as it is stored; any text survives it."""
    stored = {
        "kind": post.kind.value,
        "headline": post.headline,
        "lines": post.lines,
        "cards": [{name: getattr(c, name) for name in _CARD_FIELDS} for c in post.cards],
        "footer": post.footer,
    }
    return json.dumps(stored, separators=(",", ":"))


def post_from_json(text: str) -> Post:
    """Read a stored post back, equal to what was stored; PaperwireError where it is none."""
    try:
        stored = json.loads(text)
        return Post(
            kind=PostKind(stored["kind"]),
            headline=stored["headline"],
            lines=tuple(stored.get("lines", ())),
            cards=tuple(
                Card(**{**fields_, "categories": tuple(fields_.get("categories", ()))})
                for fields_ in stored.get("cards", ())
            ),
            footer=stored.get("footer", ""),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as trouble:
        reason = f"{type(trouble).__name__}: {trouble}"
        raise PaperwireError(
            f"a stored post cannot be read ({clip(visible(reason), 200)}); "
            "it starts with " + repr(text[:60]) + ". Run: paperwire doctor"
        ) from trouble
