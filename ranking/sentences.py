"""Running text to sentences, for abstracts: abbreviations, decimals, formulas, lists and initials.

Rules rather than a trained model, so that the same text is cut the same way everywhere. Nothing is
lost: the sentences joined by blanks are the text with its white space collapsed.
"""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Never the end of a sentence, whatever follows.
_OPEN_ABBREVIATIONS = _words(
    """e.g i.e eg ie vs cf c.f viz resp approx dr mr mrs prof figs fig eqs eq eqn eqns sect sects
    thm lem defn spp subsp ssp incl esp w.r.t wrt a.k.a aka w.l.o.g hon univ proc"""
)

# A number may follow ("no. 5", "Vol. II"); else they end one only before a clear start.
_NUMBERED = _words(
    "no nos nr vol pp ch chap ref refs def cor tab prop col ed eds sec secs op ca v ver art app"
)

# End one only when the next word clearly starts another.
_CLOSED_ABBREVIATIONS = _words(
    """al etc inc ltd corp co u.s u.k e.u u.n u.s.a d.c a.m p.m i.i.d iid s.t p.p w.h.p a.s a.e sp
    ph.d m.d m.sc b.sc avg min max std est dept jan feb mar apr jun jul aug sep sept oct nov dec
    wt temp conc i.v i.p i.m s.c p.o b.i.d t.i.d q.d bros mt ms st jr cv lt ft gen var rev trans
    conf symp assoc ibid"""
)

_STARTERS = _words(
    """a although all also an and as additionally at based because both but by code comparing
    despite during each existing experiments extensive experimental finally first firstly for from
    further furthermore given here hence how however i if importantly in inspired instead it its
    last lastly many moreover most motivated next no notably on one once our over overall previous
    prior recent recently results second secondly several similarly since so some specifically such
    than that the their then there therefore these they third this those through thus to today
    together two under unfortunately unlike using we what when where whereas whether while with
    yet"""
)

_DANGLING = _words("a an the of and or in on for with to by from that which as is are our we its")

_END = re.compile(
    r"""(?:\.{2,}|[.!?…]+|[。！？]+)(["'”’»)\]}]*)(?=\s|$|(?<=[。！？])|(?<=[a-z]{3}\.)[A-Z][a-z])"""
)
_BLANK_LINE = re.compile(r"\n[ \t\r\f\v]*\n\s*")
_FORMULA = re.compile(
    r"\$\$[^$]{1,2000}\$\$|(?<!\\)\$[^$\n]{1,600}(?<!\\)\$|\\\([^\n]{1,600}?\\\)|\\\[.{1,2000}?\\\]",
    re.DOTALL,
)
_WORD_BEFORE = re.compile(r"[^\s(\[{\"“'‘—–/]+$")
_NEXT_WORD = re.compile(r"[\"“‘'(\[{«]*([^\W_]+(?:['’-][^\W_]+)*)?")
_ENUMERATOR = re.compile(r"[(\[]?(?:\d{1,2}|[ivx]{1,4}|[a-zA-Z])[)\].]?$")


def split_sentences(text: str) -> list[str]:
    """Return the sentences of ``text`` in order, white space collapsed; never empty strings.

    A blank line ends a sentence, unless the text plainly runs on. Formulas between dollar signs
    and addresses are never cut. Linear in the length of the text, and no text raises.
    """
    sentences: list[str] = []
    for paragraph in _joined(_BLANK_LINE.split(text)):
        sentences += _split_paragraph(" ".join(paragraph.split()))
    return sentences


def _joined(paragraphs: list[str]) -> list[str]:
    """Put together again what hard line breaks tore apart in the middle of a sentence."""
    joined: list[str] = []
    for paragraph in paragraphs:
        following = paragraph.lstrip()
        if not following:
            continue
        before = joined[-1].rstrip() if joined else ""
        runs_on = following[0].islower() or before.rpartition(" ")[2].lower() in _DANGLING
        if before and runs_on and before[-1] not in ".!?:。！？":
            joined[-1] = f"{before} {following}"
        else:
            joined.append(following)
    return joined


def _split_paragraph(text: str) -> list[str]:
    formulas = (
        [match.span() for match in _FORMULA.finditer(text)] if _may_hold_formula(text) else []
    )
    formula = 0
    sentences = []
    start = 0
    for match in _END.finditer(text):
        while formula < len(formulas) and formulas[formula][1] <= match.start():
            formula += 1
        if formula < len(formulas) and formulas[formula][0] < match.start():
            continue
        if _ends_sentence(text, start, match):
            sentence = text[start : match.end()].strip()
            if sentence:
                sentences.append(sentence)
            start = match.end()
    rest = text[start:].strip()
    if rest:
        sentences.append(rest)
    return sentences


def _may_hold_formula(text: str) -> bool:
    return "$" in text or "\\(" in text or "\\[" in text


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    stop = match.end()
    if stop >= len(text):
        return True
    mark = text[match.start() : match.end(0) - len(match[1])]
    if mark[-1] in "。！？":
        return True
    glued = not text[stop].isspace()
    follower = _NEXT_WORD.match(text, stop if glued else stop + 1)
    word = follower[1] if follower and follower[1] else ""
    if glued:
        run = text[max(start, stop - 200) : stop].rpartition(" ")[2]
        run += text[stop : stop + 200].partition(" ")[0]
        return _starts(word) and "/" not in run
    if mark == "." and not match[1]:
        verdict = _after_full_stop(text, start, match.start(), word)
        if verdict is not None:
            return verdict
    elif mark == "." and match[1].endswith((")", "]")) and not _starts(word):
        return False
    return _can_start(text, stop + 1, word)


def _after_full_stop(text: str, start: int, dot: int, word: str) -> bool | None:
    """Judge a lone full stop by the word before it; None where that word says nothing."""
    found = _WORD_BEFORE.search(text, max(start, dot - 40), dot)
    if not found:
        return None
    before = found[0]
    name = before.lower()
    if name in _OPEN_ABBREVIATIONS:
        return False
    if name in _NUMBERED:
        return _starts(word) and len(word) > 1 and not _is_numeral(word)
    if _ENUMERATOR.match(before) and not text[start : found.start()].strip(" ([{"):
        return False  # "1. First item": the number belongs to what follows
    initial = len(before) == 1 and before.isalpha() and before.isupper()
    return _starts(word) if initial or name in _CLOSED_ABBREVIATIONS else None


def _is_numeral(word: str) -> bool:
    return bool(word) and all(letter in "IVXS" for letter in word) and word != "I"


def _starts(word: str) -> bool:
    return bool(word) and word[0].isupper() and word.lower() in _STARTERS


def _can_start(text: str, position: int, word: str) -> bool:
    """Whether what stands at ``position`` may open a sentence: no lower-case word may."""
    if not word:
        return position < len(text) and text[position] not in ",;:.?!-–—=<>+*/%)&"
    if not word[0].islower():
        return True
    # mRNA, iPhone, k-NN: lower case by spelling, not by place.
    return any(letter.isupper() or letter.isdigit() for letter in word[1:4])
