"""arXiv's subject categories: which exist and how they are written.

The list is https://arxiv.org/category_taxonomy as of 2025; it changes about once in a decade, and
an unlisted category is only warned about.
"""

from __future__ import annotations

import difflib
import re
from functools import cache

SUBJECTS: dict[str, tuple[str, ...]] = {
    archive: tuple(subjects.split())
    for archive, subjects in {
        "astro-ph": "CO EP GA HE IM SR",
        "cond-mat": "dis-nn mes-hall mtrl-sci other quant-gas soft stat-mech str-el supr-con",
        "cs": "AI AR CC CE CG CL CR CV CY DB DC DL DM DS ET FL GL GR GT HC IR IT LG LO MA MM MS "
        "NA NE NI OH OS PF PL RO SC SD SE SI SY",
        "econ": "EM GN TH",
        "eess": "AS IV SP SY",
        "gr-qc": "",
        "hep-ex": "",
        "hep-lat": "",
        "hep-ph": "",
        "hep-th": "",
        "math": "AC AG AP AT CA CO CT CV DG DS FA GM GN GR GT HO IT KT LO MG MP NA NT OA OC PR QA "
        "RA RT SG SP ST",
        "math-ph": "",
        "nlin": "AO CD CG PS SI",
        "nucl-ex": "",
        "nucl-th": "",
        "physics": "acc-ph ao-ph app-ph atm-clus atom-ph bio-ph chem-ph class-ph comp-ph data-an "
        "ed-ph flu-dyn gen-ph geo-ph hist-ph ins-det med-ph optics plasm-ph pop-ph soc-ph space-ph",
        "q-bio": "BM CB GN MN NC OT PE QM SC TO",
        "q-fin": "CP EC GN MF PM PR RM ST TR",
        "quant-ph": "",
        "stat": "AP CO ME ML OT TH",
    }.items()
}

_SHAPE = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)?(?:\.(?:\*|[A-Za-z]+(?:-[A-Za-z]+)?))?")


@cache
def list_categories() -> tuple[str, ...]:
    """Return every category and, for archives with subjects, the wildcard, such as ``cs.*``."""
    return tuple(
        category
        for archive, subjects in SUBJECTS.items()
        for category in (
            (f"{archive}.*", *(f"{archive}.{s}" for s in subjects)) if subjects else (archive,)
        )
    )


def spell_category(text: str) -> str | None:
    """Return a category as arXiv writes it, or None where the shape is wrong.

    A whole archive becomes its wildcard: ``CS.cl`` is ``cs.CL`` and ``stat`` is ``stat.*``. A
    category that arXiv does not have keeps its spelling.
    """
    if not _SHAPE.fullmatch(text):
        return None
    known = _spellings()
    folded = text.casefold()
    return known.get(folded) or known.get(f"{folded}.*") or text


@cache
def _spellings() -> dict[str, str]:
    return {category.casefold(): category for category in list_categories()}


def is_known_category(category: str) -> bool:
    return category in list_categories()


def nearest_category(text: str) -> str | None:
    """Return the category whose spelling is closest, or None where none is near."""
    known = dict(_spellings())
    known.update({archive.casefold(): spell_category(archive) or archive for archive in SUBJECTS})
    archive, dot, subject = text.casefold().partition(".")
    candidates = [f"{archive}{dot}{subject}"]
    near_archive = difflib.get_close_matches(archive, SUBJECTS, n=1, cutoff=0.5)
    if near_archive and near_archive[0] != archive:
        candidates.insert(0, f"{near_archive[0]}{dot}{subject}")
    for candidate in candidates:
        # Letters that changed places are a likelier slip than another letter.
        swapped = [name for name in known if sorted(name) == sorted(candidate)]
        if near := swapped or difflib.get_close_matches(candidate, known, n=1, cutoff=0.6):
            return known[near[0]]
    return known[near_archive[0]] if near_archive else None
