"""Shorter readings of one sentence, made only by leaving words out.

:func:`tidy` always applies: labels, opening phrases, parentheses and fillers go. :func:`spans`
lists where what is left could begin and stop and still be a sentence; which reading is worth
having is for the model of :mod:`ranking.summary` to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PAPER = (
    r"(?:paper|work|article|study|letter|report|note|thesis|project|survey|review|contribution"
    r"|research|manuscript|chapter|tutorial|dissertation|essay|brief|preprint)"
)
_NAMES_PAPER = re.compile(_PAPER)
_SECTION = (
    r"(?:Background|Objectives?|Purpose|Aims?|Methods?|Methodology|Results?|Findings|Conclusions?"
    r"|Introduction|Motivation|Context|Summary|Significance|Interpretation|Abstract|Importance"
    r"|Design|Settings?|Participants|Patients|Subjects|Rationale|Discussion|Hypothesis|Data|Scope"
    r"|Materials?|Approach|Implications|Originality|Limitations|Problem|Contributions?|Main|Goals?"
    r"|Measurements?|Outcomes?|Interventions?|Study|Availability|Evidence)"
)
_LABEL = re.compile(
    rf"^\W{{0,3}}(?:{_SECTION}(?:\s?(?:and|&|/|of|or)\s?\w+){{0,2}}\s?[:.]\s+(?=\S)"
    rf"|{_SECTION.upper()}(?:(?:\s?[&/,]\s?|\s)[A-Z]{{2,}}){{0,4}}(?:\s?[:.]\s+(?=\S)|\s+(?=[A-Z][a-z])))"
)
_BULLET = re.compile(r"^(?:[-–—•*·▪►]+\s+|[(\[]?(?:\d{1,2}|[ivx]{1,4}|[a-z])[)\]]\s*|\d{1,2}\.\s+)")
_ROUND = re.compile(r"(?<=\s)\([^()]*\)|(?<=\s)\[[^\[\]]*\]|^\([^()]*\)\s")
_CITATION = re.compile(r"\s?\[\d{1,3}(?:\s?[,–-]\s?\d{1,3})*\]|(?<=\w)~?\\cite[a-z]*\{[^}]*\}")
_OPENING = re.compile(
    r"^(?:(?:and|but|so|yet)\s+)?(?:"
    rf"(?:here\s+)?(?:in|with|through|throughout)\s+(?:this|the\s+present|the\s+current|our|that)"
    rf"\s+(?:\w+\s+)?{_PAPER}\s*(?:,|(?=(?:we|i|the|a|an|our|it)\b))"
    r"|(?:however|moreover|furthermore|additionally|in addition|also|besides|finally|lastly"
    r"|specifically|in particular|particularly|concretely|more (?:specifically|precisely"
    r"|importantly|generally|broadly|concretely|recently)|consequently|therefore|thus|hence"
    r"|accordingly|as a (?:result|consequence)|nevertheless|nonetheless|instead|meanwhile"
    r"|unfortunately|fortunately|interestingly|importantly|notably|surprisingly|remarkably"
    r"|overall|in summary|in conclusion|in short|to conclude|to summari[sz]e|to (?:this|that) end"
    r"|towards? (?:this|that) (?:end|goal)|for (?:this|that) (?:purpose|reason)"
    r"|on the other hand|in contrast|by contrast|conversely|similarly|likewise|first|second|third"
    r"|fourth|firstly|secondly|thirdly|then|next|here|indeed|in fact|in general|for (?:example"
    r"|instance)|recently|ultimately|empirically|crucially|critically|taken together|together"
    r"|all in all|altogether|subsequently|afterwards|now|to our knowledge"
    r"|to the best of our knowledge|with this in mind|that said|in other words|as such|still"
    r"|at the same time|along the way|in doing so|in turn|so far|equivalently|intuitively"
    r"|motivated by this|inspired by this|based on this|to do so|to do this|to achieve this"
    r"|to (?:address|overcome|tackle|solve|fill|bridge|mitigate|remedy|alleviate|resolve)"
    r" (?:this|these)(?: \w+)?)\s*,"
    r"|to (?:address|overcome|tackle|solve|fill|bridge|mitigate|remedy|alleviate|resolve)"
    r" (?:this|these)(?: \w+)?\s+(?=we\b)"
    r"|here\s+(?=we\b)|thus\s+(?=we\b)|hence\s+(?=we\b)|then\s+(?=we\b)|therefore\s+(?=we\b)"
    r")\s*",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    rf",\s+in\s+(?:this|the\s+present|our)\s+{_PAPER}\s*,(?=\s)"
    rf"|,?\s+in\s+(?:this|the\s+present|our)\s+{_PAPER}\b(?=\s+(?:we|i)\b|\s*[.;])"
    r"|,\s+(?:however|therefore|moreover|thus|hence|in turn|for example|for instance|respectively"
    r"|furthermore|in particular|instead|nevertheless|nonetheless|indeed|consequently),(?=\s)",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"\b(we)\s+(?:also|further|then|thus|therefore|hence|additionally|next|first|finally|here"
    r"|furthermore|now|instead|consequently|subsequently|firstly|lastly|hereby)\s+(?=[a-z])",
    re.IGNORECASE,
)
_SPACE_BEFORE_MARK = re.compile(r"\s+(?=[,.;:!?](?:\s|$))")

_SUBORDINATORS = _words(
    """to in by for with based inspired motivated using while although though since as unlike from
    on at given when under through building following toward towards instead because if despite
    contrary due among within over after before whereas rather throughout during thanks beyond
    without leveraging drawing combining considering recognizing against across where once until
    by besides apart aside compared starting taking"""
)
_SPEAKERS = _words("we i")
_PREPOSITIONS = _words("with by in for on at to from of")
_JOINERS = _words("and but or yet so")
_RELATIVE = _words("which where who whose whom wherein whereby that")
_PARTICIPLE_LEADS = _words(
    """thus thereby hence therefore while without even especially particularly including rather
    respectively whereas although though because since namely notably e.g i.e even but both often
    instead despite unlike compared regardless along such as making using based resulting"""
)
_AND_CLAUSE = _words(
    """we our it they this these that can show shows demonstrate demonstrates provide provides
    present propose introduce evaluate evaluates achieve achieves outperform outperforms also
    thus therefore hence then apply discuss analyze analyse study find give prove derive develop
    describe compare investigate explore report illustrate validate verify test use train
    allows enables leads results improves yields does is are has have may could will offers
    outline argue establish examine conclude obtain suggest extend demonstrating showing"""
)
_REPORTS = _words(
    """show shows showed shown demonstrate demonstrates demonstrated find finds found prove proves
    proved argue argues argued suggest suggests suggested indicate indicates indicated reveal
    reveals revealed observe observed confirm confirms confirmed conclude concluded hypothesize
    believe report reported establish note verify illustrate illustrates discover see posit"""
)
_FINITE = _words(
    """is are was were has have had can could may might will would does do did must should cannot
    remains remain shows show presents present proposes propose introduces introduce provides
    provide achieves achieve outperforms outperform improves improve learns learn uses use makes
    make allows allow enables enable leads lead requires require reduces reduce describes describe
    studies investigates explores examines addresses considers gives yields produces suggests
    demonstrates indicates reveals offers aims focuses proves establishes develops extends combines
    generalizes becomes become exhibits relies depends plays suffers fails helps contains consists
    captures generates performs works increases increased decreased improved showed found
    demonstrated revealed led resulted reached produced provided achieved explain explains"""
)

_FEWEST_WORDS = 5
_MOST_WORDS = 48


@dataclass(frozen=True, slots=True)
class Span:
    """A reading of a tidied sentence: its words from ``start`` up to but without ``stop``.

    ``opening`` and ``ending`` say how it was cut, "" where it was not.
    """

    start: int
    stop: int
    opening: str = ""
    ending: str = ""


def tidy(sentence: str) -> str:
    """Return ``sentence`` without label, opening phrase, parentheses and fillers; may be empty."""
    text = _BULLET.sub("", _LABEL.sub("", sentence, count=1), count=1)
    if "(" in text or "[" in text or "\\cite" in text:
        text = _CITATION.sub("", text)
        for _ in range(3):  # innermost first
            shorter = _ROUND.sub("", text)
            if shorter == text:
                break
            text = shorter
    for _ in range(2):  # "However, in this paper, we"
        text = _OPENING.sub("", text, count=1)
    text = _FILLER.sub(r"\1 ", _ASIDE.sub("", text))
    return _SPACE_BEFORE_MARK.sub("", " ".join(text.split())).strip(" ,;:-–—")


def spans(words: list[str]) -> list[Span]:
    """Return the readings of a tidied sentence, the whole first; at most about twenty."""
    bare = [_bare(word) for word in words]
    starts = _starts(words, bare)
    stops = _stops(words, bare)
    found = [Span(0, len(words))]
    for start, opening in starts:
        for stop, ending in stops:
            if (start or stop < len(words)) and _stands(words, bare, start, stop):
                found.append(Span(start, stop, opening, ending))
    return found


def written(words: list[str]) -> str:
    """Join the words of a reading into a sentence: a capital first, one full stop last."""
    text = " ".join(words).rstrip(" ,;:-–—")
    if not text:
        return ""
    head = words[0].partition("-")[0]  # but k-means and mRNA are spelt so
    if words[0].islower() and _bare(head).isalpha() and (len(head) > 1 or words[0] == head):
        place = next(index for index, letter in enumerate(text) if letter.isalpha())
        text = text[:place] + text[place].upper() + text[place + 1 :]
    ends = text.rstrip("\"'”’)»]")
    return text if ends.endswith((".", "!", "?", "…", "。", "！", "？")) else text + "."


@lru_cache(maxsize=20_000)
def _bare(word: str) -> str:
    return word.strip("\"'“”‘’,.;:!?()[]").lower()


def _starts(words: list[str], bare: list[str]) -> list[tuple[int, str]]:
    starts = [(0, "")]
    if bare and bare[0] in _SUBORDINATORS:
        for index in range(2, min(len(words), 32)):
            if words[index - 1].endswith(",") and _speaks(bare, index):
                starts.append((index, "lead"))
                break
    place = starts[-1][0]
    for index in range(place + 1, min(place + 7, len(words) - 4)):
        if bare[index] in _REPORTS and bare[index + 1] == "that":
            if "that" in bare[index + 2 :]:
                break  # "show that one, and that the other": half of it would dangle
            starts.append((index + 2, "that"))
            break
    return starts


def _speaks(bare: list[str], index: int) -> bool:
    """Whether the authors take the floor at ``index``: "we", "this paper"."""
    if bare[index] in _SPEAKERS:
        return True
    following = bare[index + 1] if index + 1 < len(bare) else ""
    return bare[index] in {"this", "our"} and _NAMES_PAPER.fullmatch(following) is not None


def _stops(words: list[str], bare: list[str]) -> list[tuple[int, str]]:
    stops = [(len(words), "")]
    for index in range(_FEWEST_WORDS, len(words) - 1):
        ending = _ending(words, bare, index)
        if ending:
            stops.append((index, ending))
    return stops[:9]


def _ending(words: list[str], bare: list[str], index: int) -> str:
    """Name the cut before ``words[index]``; "" where a sentence cannot stop there."""
    before, word, after = words[index - 1], bare[index], bare[index + 1]
    if before.endswith(","):
        return _ending_after_comma(word, after)
    if before.endswith(";"):
        return "semicolon"
    if before.endswith(":") or words[index] in {"-", "–", "—", "--", "---"}:
        return "colon"
    return "and" if word == "and" and after in _AND_CLAUSE else ""


def _ending_after_comma(word: str, after: str) -> str:
    ending = ""
    if word in _RELATIVE or (after == "which" and word in _PREPOSITIONS):
        ending = "which"
    elif word in _PARTICIPLE_LEADS or word.endswith("ing"):
        ending = "ing"
    elif word in _JOINERS:
        ending = "and" if after in _AND_CLAUSE or word in {"but", "yet"} else ""
    elif word in {"we", "our", "it", "this"}:
        ending = "clause"
    elif word in _PREPOSITIONS:
        ending = "comma"
    return ending


def _stands(words: list[str], bare: list[str], start: int, stop: int) -> bool:
    """Whether the words from ``start`` to ``stop`` read as a sentence: a verb, pairs closed."""
    if not _FEWEST_WORDS <= stop - start <= _MOST_WORDS or not _is_balanced(words[start:stop]):
        return False
    if stop == len(words):
        return True
    inside = bare[start:stop]
    if "that" in inside[:8] and _FINITE.isdisjoint(inside[inside.index("that") :]):
        return False
    if inside[0] in _SUBORDINATORS:
        comma = next((i for i in range(start, stop - 3) if words[i].endswith(",")), stop)
        inside = bare[comma + 1 : stop]
    return not _FINITE.isdisjoint(inside) or not _SPEAKERS.isdisjoint(inside[:-1])


def _is_balanced(words: list[str]) -> bool:
    text = " ".join(words)
    pairs = text.count("(") == text.count(")") and text.count("“") == text.count("”")
    return pairs and text.count('"') % 2 == 0 and text.count("$") % 2 == 0
