"""LaTeX in titles and abstracts to text a person reads; prices and unknown macros survive."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from ranking.latex_tables import (
    ACCENTS,
    BRACED,
    DOUBLE_STRUCK,
    DROPPED,
    FRACTIONS,
    GREEK,
    LETTERS,
    LOWERED,
    OVER,
    RAISED,
    SECOND,
    SILENT,
    SPACING,
    WORDS,
)

_TRIGGER = re.compile(r"[\\$~{}]|``|''|\w--")
_SPECIAL = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}$^_~]|``|''|(?<=\w)---?(?=\w)", re.DOTALL)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_DEEPEST = 25
_FARTHEST = 2_000
_ESCAPED = frozenset("%&_#${}")


def readable(text: str) -> str:
    """Return ``text`` with LaTeX turned into plain characters and white space folded.

    What is not understood stays: the name of an unknown macro that has no argument, the argument
    of one that has, a dollar sign that opens no formula.
    """
    for _ in range(4):
        if not _TRIGGER.search(text):
            break
        plain = " ".join(_convert(text, math=False, depth=0).split())
        if plain == text:
            break
        text = plain
    return " ".join(text.split())


def _convert(text: str, *, math: bool, depth: int) -> str:
    """Convert one stretch of text or formula; past the deepest nesting it stays as it is."""
    if depth > _DEEPEST:
        return text
    out: list[str] = []
    position = 0
    while match := _SPECIAL.search(text, position):
        out.append(text[position : match.start()])
        position = _convert_one(text, match, out, math=math, depth=depth)
    out.append(text[position:])
    return "".join(out)


def _convert_one(text: str, match: re.Match[str], out: list[str], *, math: bool, depth: int) -> int:
    """Append what one special sign means; return where the text goes on."""
    sign, after = match[0], match.end()
    if sign[0] == "\\":
        if sign[1].isalpha() and sign[1].isascii():
            return _convert_macro(text, sign[1:].rstrip("*"), after, out, math=math, depth=depth)
        return _convert_escape(text, sign[1], after, out, math=math, depth=depth)
    if sign == "{":
        return _convert_group(text, match.start(), out, math=math, depth=depth)
    if sign == "$":
        return _convert_dollar(text, match.start(), out, math=math, depth=depth)
    if sign in {"^", "_"} and math:
        script, end = _argument(text, after, depth=depth, math=True)
        out.append(_raise(script) if sign == "^" else _lower(script))
        return end
    if sign == "~":
        out.append(" " if math or _is_tie(text, match.start()) else "~")
    elif sign in {"``", "''"} and not math:
        closing = "”" if "``" in text or "“" in text else '"'
        out.append("“" if sign == "``" else closing)
    elif sign in {"--", "---"} and not math:
        out.append("–" if sign == "--" else "—")
    elif not (sign == "}" and math):
        out.append(sign)
    return after


def _convert_escape(
    text: str, mark: str, after: int, out: list[str], *, math: bool, depth: int
) -> int:
    if mark in _ESCAPED:
        out.append(mark)
    elif mark in "([":
        closing = text.find("\\)" if mark == "(" else "\\]", after, after + _FARTHEST)
        if closing < 0:
            out.append(mark)
            return after
        out.append(_convert(text[after:closing], math=True, depth=depth + 1))
        return closing + 2
    elif mark in ACCENTS and not math:
        return _convert_accent(text, mark, after, out, depth=depth)
    elif mark in "!/-":
        pass
    elif mark in ",;: \\\n\t":
        out.append(" ")
    else:
        out.append("‖" if mark == "|" and math else mark)
    return after


def _convert_accent(text: str, mark: str, after: int, out: list[str], *, depth: int) -> int:
    """Put an accent on the letter that follows; without a letter the mark itself stays."""
    letter, end = _argument(text, after, depth=depth, math=False)
    letter = letter.replace("ı", "i")
    if len(letter) == 1 and letter.isalpha():
        joined = unicodedata.normalize("NFC", letter + ACCENTS[mark])
        if len(joined) == 1:
            out.append(joined)
            return end
    out.append(mark)
    return after


def _convert_macro(
    text: str, name: str, after: int, out: list[str], *, math: bool, depth: int
) -> int:
    if name in ACCENTS and not math and _takes_accent(text, after):
        before = len(out)
        end = _convert_accent(text, name, after, out, depth=depth)
        if end != after:
            return end
        del out[before:]
    if name in SPACING:
        out.append(" ")
        return after
    if name in SILENT or name in DROPPED or name == "rule":
        return _drop(text, name, after, out)
    symbol = WORDS.get(name) or _symbol(name)
    if symbol is not None:
        return _append_symbol(text, name, symbol, after, out, math=math)
    return _convert_call(text, name, after, out, math=math, depth=depth)


def _takes_accent(text: str, after: int) -> bool:
    r"""Tell ``\c{c}`` and a group's ``{\H o}`` from an author's macro of that name."""
    return text.startswith("{", after) or bool(re.fullmatch(r" \w", text[after : after + 3]))


def _drop(text: str, name: str, after: int, out: list[str]) -> int:
    if name in SILENT:
        return _skip_space(text, after)
    if name == "rule":
        return _skip_argument(text, _skip_argument(text, after))
    while out and not (out[-1] and out[-1].rstrip(" ~") == out[-1]):
        out[-1] = out[-1].rstrip(" ~")
        if not out[-1]:
            out.pop()
    return _skip_argument(text, _skip_option(text, after))


def _append_symbol(
    text: str, name: str, symbol: str, after: int, out: list[str], *, math: bool
) -> int:
    if text[after : after + 2] == "{}":
        after += 2
    elif name in LETTERS and not math:
        after = _skip_space(text, after)
    if not math:
        out.append(symbol)
        return after
    last = next((piece[-1] for piece in reversed(out) if piece), " ")
    if len(symbol) > 1 and symbol.isalpha():
        # A function's name stands off its neighbours: n log n.
        out.append(f" {symbol}" if last.isalnum() else symbol)
        if text[after : after + 1].isalnum():
            out.append(" ")
        return after
    out.append(symbol)
    return after if last.isspace() else _skip_space(text, after)


def _convert_call(
    text: str, name: str, after: int, out: list[str], *, math: bool, depth: int
) -> int:
    """Macros with arguments, known or not; of an unknown one without argument the name stays."""
    if name in SECOND:
        _, after = _argument(text, _skip_option(text, after), depth=depth, math=math)
    if name in FRACTIONS:
        upper, after = _argument(text, after, depth=depth, math=True)
        lower, after = _argument(text, after, depth=depth, math=True)
        if name == "binom":
            out.append(f"({upper} choose {lower})")
        else:
            out.append(f"{_bracket(upper)}/{_bracket(lower)}")
        return after
    if name == "sqrt":
        root, after = _argument(text, _skip_option(text, after), depth=depth, math=True)
        out.append(f"√{_bracket(root)}")
        return after
    if text[after : after + 1] != "{" and not (math and name in OVER):
        out.append(name)
        return after
    inside_math = math and not name.startswith(("text", "mbox", "operatorname"))
    inner, end = _argument(text, after, depth=depth, math=inside_math)
    if end == after:
        out.append(name)
        return after
    out.append(_shape(name, inner))
    while text[end : end + 1] == "{":
        more, next_end = _argument(text, end, depth=depth, math=inside_math)
        if next_end == end:
            break
        out.append(f" {more}")
        end = next_end
    return end


def _shape(name: str, inner: str) -> str:
    """Return what a macro makes of its argument."""
    match name:
        case _ if not inner.strip():
            shaped = name
        case "mathbb":
            shaped = "".join(DOUBLE_STRUCK.get(letter, letter) for letter in inner)
        case "textsuperscript":
            shaped = _raise(inner)
        case "textsubscript":
            shaped = _lower(inner)
        case "footnote":
            shaped = f" ({inner})"
        case "pmod":
            shaped = f" (mod {inner})"
        case _ if name in OVER and len(inner) == 1:
            shaped = unicodedata.normalize("NFC", inner + OVER[name])
        case _:
            shaped = inner
    return shaped


def _convert_group(text: str, start: int, out: list[str], *, math: bool, depth: int) -> int:
    end = _closing(text, start)
    if end is None:
        out.append("{")
        return start + 1
    inner = text[start + 1 : end]
    if not math and (character := _braced(inner)) is not None:
        out.append(character)
        return end + 1
    plain = _convert(inner, math=math, depth=depth + 1)
    # In text, braces guard capitals (BibTeX) or hold a switch or an accent; others are meant.
    if math or inner.startswith("\\") or re.fullmatch(r"[A-Z][A-Za-z0-9-]*|,|[^\W\d_a-z]", inner):
        out.append(plain)
    else:
        out.append(f"{{{plain}}}")
    return end + 1


def _convert_dollar(text: str, start: int, out: list[str], *, math: bool, depth: int) -> int:
    """A formula from this dollar sign to the next, unless it reads like a price."""
    mark = "$$" if text.startswith("$$", start) else "$"
    begin = start + len(mark)
    end = _next_dollar(text, begin)
    if math or end is None or not text.startswith(mark, end):
        out.append("" if math else mark)
        return begin
    inside, behind = text[begin:end], text[end + len(mark) : end + len(mark) + 1]
    if mark == "$" and not _is_formula(inside, behind):
        out.append(mark)
        return begin
    out.append(_convert(inside.strip(), math=True, depth=depth + 1))
    return end + len(mark)


def _next_dollar(text: str, begin: int) -> int | None:
    limit = begin + _FARTHEST
    position = text.find("$", begin, limit)
    while position > begin and text[position - 1] == "\\":
        position = text.find("$", position + 1, limit)
    return position if position >= 0 else None


def _is_formula(inside: str, behind: str) -> bool:
    bare = inside.strip()
    if not bare:
        return False
    if re.search(r"[\\^_{]", bare) or (len(bare) <= 3 and not bare[0].isdigit()):
        return True
    return inside == bare and not behind.isdigit()


def _is_tie(text: str, position: int) -> bool:
    """Tell a tie (Fig.~3) from "about" (~3 %) and from a home page's address."""
    before, behind = text[position - 1 : position], text[position + 1 : position + 2]
    if not before or before.isspace() or before in "([/":
        return not (behind.isdigit() or behind in {"$", "/", "", "."} or before == "/")
    word = text[max(0, position - 200) : position].split()
    return not (word and ("://" in word[-1] or word[-1].startswith("www.")))


# --- arguments ----------------------------------------------------------------------------------


def _argument(text: str, position: int, *, depth: int, math: bool) -> tuple[str, int]:
    """Return the converted argument at ``position`` and where it ends."""
    start = _skip_space(text, position)
    sign = text[start : start + 1]
    if sign == "{" and (end := _closing(text, start)) is not None:
        return _convert(text[start + 1 : end], math=math, depth=depth + 1), end + 1
    if sign == "\\" and depth < _DEEPEST and (match := _SPECIAL.match(text, start)):
        out: list[str] = []
        end = _convert_one(text, match, out, math=math, depth=depth + 1)
        return "".join(out), end
    if sign in {"", "{", "}", "$", "\\"}:
        return "", position
    return sign, start + 1


def _closing(text: str, start: int) -> int | None:
    """Return the index of the brace that closes the one at ``start``."""
    return _matching(text).get(start)


@lru_cache(maxsize=64)
def _matching(text: str) -> dict[int, int]:
    """Return where each opened brace closes; one walk, so that no nesting makes it slow."""
    closed: dict[int, int] = {}
    opened: list[int] = []
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.start())
        elif match[0] == "}" and opened:
            closed[opened.pop()] = match.start()
    return closed


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace():
        position += 1
    return position


def _skip_option(text: str, position: int) -> int:
    if text[position : position + 1] == "[":
        end = text.find("]", position, position + 200)
        return end + 1 if end >= 0 else position
    return position


def _skip_argument(text: str, position: int) -> int:
    if text[position : position + 1] == "{":
        end = _closing(text, position)
        return end + 1 if end is not None else position
    return position


# --- characters ---------------------------------------------------------------------------------


def _raise(script: str) -> str:
    bare = script.strip()
    if bare and all(letter in RAISED for letter in bare):
        return "".join(RAISED[letter] for letter in bare)
    return f"^{_bracket(bare)}" if bare else ""


def _lower(script: str) -> str:
    bare = script.strip()
    if bare and (len(bare) == 1 or not bare.isalpha()) and all(x in LOWERED for x in bare):
        return "".join(LOWERED[letter] for letter in bare)
    return f"_{_bracket(bare)}" if bare else ""


def _bracket(term: str) -> str:
    bare = term.strip()
    return bare if re.fullmatch(r"[\w.′°%…∞]*", bare) else f"({bare})"


def _braced(name: str) -> str | None:
    if name in GREEK:
        return _symbol(name)
    return BRACED.get(name)


@lru_cache(maxsize=2048)
def _symbol(name: str) -> str | None:
    """Return the character or word that a macro without arguments stands for."""
    if name == "epsilon":
        return "ε"
    from pylatexenc.latex2text import get_default_latex_context_db

    meaning = get_default_latex_context_db().get_macro_spec(name)
    simple = getattr(meaning, "simplify_repl", None)
    if not isinstance(simple, str) or "%" in simple or not simple.strip():
        return None
    return simple.strip()
