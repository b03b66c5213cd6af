"""Turns of phrase that tell what a sentence of an abstract does: propose, study, report, lament.

All patterns are matched against lower-case text, one sentence a line.
"""

from __future__ import annotations

import re

_STOP_TEXT = """
    a about above after all also am an and any are as at be been being below between both but by
    can could did do does each few for from further had has have he her here how however i if in
    into is it its may might more most much must no nor not of off on once only or other our out
    over own same she should so some such than that the their them then there these they this those
    through thus to too under up upon us very via was we were what when where whether which while
    who whom why will with within without would you your
"""
STOP_WORDS = frozenset(_STOP_TEXT.split())

_VERBS = (
    r"propos\w+|introduc\w+|present\w*|develop\w*|describ\w+|design\w*|devis\w+|formulat\w+"
    r"|establish\w*|construct\w*|creat\w+|build|built|provid\w+|offer\w*|contribut\w+|suggest\w*"
)
_STUDIES = (
    r"stud(?:y|ies|ied)|investigat\w+|explor\w+|examin\w+|analy[sz]\w+|consider\w*|address\w*"
    r"|review\w*|survey\w*|evaluat\w+|compar\w+|tackl\w+|focus\w*|revisit\w*|assess\w*|aim\w*"
    r"|attempt\w*|seek\w*|characteri[sz]\w+|measur\w+|determin\w+"
)
_FINDS = (
    r"show\w*|demonstrat\w+|find|finds|found|prov(?:e|es|ed|ing)|argu\w+|reveal\w*|observ\w+"
    r"|identif\w+|discover\w*|conclud\w+|report\w*|indicat\w+|confirm\w*"
)
_PAPERS = r"(?:paper|work|article|study|letter|report|survey|review|thesis|manuscript)"
_AUTHORS = rf"(?:we|i|authors|this (?:\w+ )?{_PAPERS}|(?:paper|work|article))"

CUES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("makes", rf"\b{_AUTHORS} (?:\w+ ){{0,2}}?(?:{_VERBS})\b"),
        ("studies", rf"\b{_AUTHORS} (?:\w+ ){{0,2}}?(?:{_STUDIES})\b"),
        ("finds", rf"\b{_AUTHORS} (?:\w+ ){{0,2}}?(?:{_FINDS})\b"),
        ("we", r"\bwe\b"),
        ("this paper", rf"\b(?:this|the present|our) (?:\w+ )?{_PAPERS}\b"),
        ("in this paper", rf"\bin (?:this|the present|our) (?:\w+ )?{_PAPERS}\b"),
        ("our", r"\bour\b"),
        ("our method", r"\bour (?:\w+ ){0,2}?(?:method|approach|model|framework|algorithm|system)"),
        ("results", r"\b(?:results?|experiments?|experimental|empirical\w*|evaluations?)\b"),
        (
            "results show",
            rf"\b(?:results?|experiments?|evaluations?|analys[ie]s)\b.*\b(?:{_FINDS})\b",
        ),
        ("state of the art", r"\bstate[ -]of[ -]the[ -]art\b|\bsota\b"),
        ("outperforms", r"\b(?:outperform\w*|surpass\w*|superior|competitive|achiev\w+)\b"),
        (
            "but",
            r"\b(?:however|but|although|though|unfortunately|despite|yet|lack\w*|challeng\w+)\b",
        ),
        ("starts with but", r"^(?:however|but|although|though|unfortunately|despite|yet)\b"),
        ("novel", r"\b(?:novel|new|first)\b"),
        ("a novel", r"\ban? (?:\w+ )?(?:novel|new|simple|general|efficient|effective)\b"),
        ("method", r"\b(?:method|approach|model|framework|algorithm|architecture|technique)s?\b"),
        ("called", r"\b(?:called|named|termed|dubbed|coined|namely)\b"),
        (
            "recent",
            r"\b(?:recent\w*|previous\w*|prior|existing|current|conventional|traditional\w*)\b",
        ),
        (
            "important",
            r"\b(?:important|crucial|critical|essential|widely|popular|fundamental|key)\b",
        ),
        ("detail", r"^(?:specifically|in particular|concretely|more (?:specifically|precisely))\b"),
        ("moreover", r"^(?:moreover|furthermore|additionally|in addition|also|besides|further)\b"),
        ("finally", r"^(?:finally|lastly|last)\b"),
        (
            "to this end",
            r"^(?:to this end|to (?:address|overcome|tackle|solve|fill|bridge|mitigate))\b",
        ),
        ("therefore", r"^(?:thus|hence|therefore|consequently|accordingly|as a result|overall)\b"),
        ("here", r"^(?:here|in this|this (?:paper|work|article|study))\b"),
        (
            "anaphor",
            r"^(?:it|they|these|this|those|such|its|their|both|each|the former|the latter)\b",
        ),
        ("our opening", r"^our\b"),
        ("the proposed", r"\bthe proposed\b|\bproposed (?:method|approach|model|framework)\b"),
        ("code", r"\b(?:code|github|available|released?|open[ -]sourced?|http|https|url)\b"),
        ("example", r"\b(?:for example|for instance|such as|e\.g)\b"),
        ("goal", r"\b(?:goal|aim|objective|purpose|problem of|task of)\b"),
        ("by doing", r"\bby \w+ing\b|\bbased on\b|\busing\b|\bvia\b"),
        (
            "that can",
            r"\b(?:that|which) (?:can|is|are|allows?|enables?|learns?|uses?|leverages?)\b",
        ),
        ("numbers", r"\b\d+(?:\.\d+)?\s?%|\b\d+\.\d+\b|\bp\s?[<=]"),
        ("digits", r"\b\d+\b"),
        ("datasets", r"\b(?:datasets?|benchmarks?|corpus|imagenet|cifar|mnist|atari)\b"),
        ("question", r"\?"),
        ("colon", r":\s"),
        ("semicolon", r";\s"),
        ("list", r"\(\d\)|\([iv]+\)|\b1\)"),
        ("is a", r"\b(?:is|are) (?:an?|the|one of)\b"),
        ("theory", r"\b(?:theor\w+|prove|proof|bounds?|guarantee\w*|converge\w*)\b"),
        ("conclusion", r"^\W*(?:conclusions?|interpretation|significance|implications)\b"),
        ("results label", r"^\W*(?:results?|findings)\s?[:.]"),
        (
            "methods label",
            r"^\W*(?:(?:materials|patients|subjects) and )?(?:methods?|design|setting)\b",
        ),
        ("aim label", r"^\W*(?:objectives?|aims?|purpose|background|context|introduction)\b"),
    )
)
OPENINGS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("begins we make", rf"(?:we|i|this (?:\w+ )?{_PAPERS}) (?:{_VERBS})\b"),
        ("begins we study", rf"(?:we|i|this (?:\w+ )?{_PAPERS}) (?:{_STUDIES})\b"),
        ("begins we find", rf"(?:we|i|this (?:\w+ )?{_PAPERS}) (?:{_FINDS})\b"),
        ("begins we", r"we\b"),
        ("begins this paper", rf"this (?:\w+ )?{_PAPERS}\b"),
        ("begins with anaphor", r"(?:it|they|these|this|those|such|its|their|both|each)\b"),
        ("begins results", r"(?:\w+ ){0,2}(?:results|experiments|evaluation|evaluations)\b"),
        ("begins with lead", r"(?:to|by|in|for|with|while|although|since|as|unlike|from|based)\b"),
        ("begins our", r"our\b"),
    )
)

CUE_PLACE = {name: place for place, (name, _) in enumerate(CUES)}

# One of these must stand somewhere in the abstract, or the cue is not looked for: searching for
# plain letters is many times faster than trying a pattern at every place.
HINTS: dict[str, tuple[str, ...]] = {
    "in this paper": ("in this ", "in the present ", "in our "),
    "our": ("our",),
    "our method": ("our ",),
    "results show": ("result", "experiment", "evaluation", "analys"),
    "state of the art": ("state", "sota"),
    "a novel": ("novel", "new", "simple", "general", "effi", "effective"),
    "called": ("called", "named", "termed", "dubbed", "coined", "namely"),
    "the proposed": ("proposed",),
    "code": ("code", "github", "available", "release", "open", "http", "url"),
    "example": ("for example", "for instance", "such as", "e.g"),
    "goal": ("goal", "aim", "objective", "purpose", "problem of", "task of"),
    "question": ("?",),
    "colon": (":",),
    "semicolon": (";",),
    "list": ("1)", "(2)", "(i", "(v", ")"),
    "theory": ("theor", "prove", "proof", "bound", "guarantee", "converge"),
    "datasets": ("dataset", "benchmark", "corpus", "imagenet", "cifar", "mnist", "atari"),
    "important": (
        "important", "crucial", "critical", "essential", "widely", "popular", "fundamental", "key",
    ),
    "outperforms": ("outperform", "surpass", "superior", "competitive", "achiev"),
    "novel": ("novel", "new", "first"),
}  # fmt: skip
