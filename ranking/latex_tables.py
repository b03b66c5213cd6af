"""What LaTeX's macros mean, as far as titles and abstracts use them."""

from __future__ import annotations

_SPACING = "quad qquad thinspace enspace space newline linebreak par hfill hskip"
_SILENT = """
    left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle textstyle
    scriptstyle limits nolimits em bf it tt sc sf rm sl bfseries itshape ttfamily scshape sffamily
    normalfont tiny scriptsize footnotesize small normalsize large Large LARGE huge centering
    noindent xspace protect nonumber notag relax boldmath unboldmath mathstrut strut
"""
_DROPPED = """
    cite citep citet citealp citealt citeyear citeyearpar autocite parencite textcite ref eqref
    cref Cref autoref pageref label vspace hspace footnotemark thanks color phantom hphantom
    vphantom begin end includegraphics bibliography bibliographystyle usepackage
"""
_SECOND = "textcolor href colorbox scalebox raisebox rotatebox texorpdfstring hyperref"
_LETTERS = "ss o O l L ae AE oe OE aa AA i j"
_GREEK = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
    upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega
"""

SPACING = frozenset(_SPACING.split())
SILENT = frozenset(_SILENT.split())  # switches: they and the space behind them go
DROPPED = frozenset(_DROPPED.split())  # gone with their argument: what they point to is elsewhere
SECOND = frozenset(_SECOND.split())  # the second argument is the text
LETTERS = frozenset(_LETTERS.split())
GREEK = frozenset(_GREEK.split())
FRACTIONS = frozenset({"frac", "tfrac", "dfrac", "nicefrac", "sfrac", "binom"})

# These go before pylatexenc's own meanings.
WORDS = {
    "ie": "i.e.", "eg": "e.g.", "etal": "et al.", "etc": "etc.", "wrt": "w.r.t.", "vs": "vs.",
    "checkmark": "✓", "xmark": "✗", "degree": "°", "textdegree": "°", "S": "§", "P": "¶",
    "textbackslash": "\\", "backslash": "\\", "epsilon": "ε", "sim": "∼", "le": "≤", "ge": "≥",
    "ne": "≠", "neq": "≠", "gtrsim": "≳", "lesssim": "≲", "coloneqq": "≔", "colon": ":",
    "lvert": "|", "rvert": "|", "lVert": "‖", "rVert": "‖", "mid": "|", "vert": "|",
    "dots": "…", "dotsc": "…", "dotsb": "…", "And": "&", "emptyset": "∅", "varnothing": "∅",
    "square": "□", "bmod": "mod", "slash": "/", "lbrace": "{", "rbrace": "}",
    "argmax": "argmax", "argmin": "argmin",
}  # fmt: skip
ACCENTS = {
    '"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "c": "\u0327", "v": "\u030c", "H": "\u030b", "u": "\u0306", "k": "\u0328",
    "r": "\u030a", "d": "\u0323", "b": "\u0331",
}  # fmt: skip
OVER = {
    "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303",
    "bar": "\u0304", "overline": "\u0304", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308",
    "check": "\u030c", "breve": "\u0306", "acute": "\u0301", "grave": "\u0300",
}  # fmt: skip
DOUBLE_STRUCK = dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True))
RAISED = dict(zip("0123456789+-−=()ni∘′*⋆T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ°′**ᵀ", strict=True))
LOWERED = dict(
    zip("0123456789+-−=()aeijkmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑᵢⱼₖₘₙₒₚᵣₛₜᵤᵥₓ", strict=True)
)
# bioRxiv writes what its system cannot hold as a word in braces; Greek letters come from GREEK.
BRACED = {
    "micro": "µ", "degrees": "°", "deg": "°", "+/-": "±", "middle dot": "·", "bullet": "•",
    "approx": "≈", "~": "∼", "-->": "→", "rightarrow": "→", "leftarrow": "←", "uparrow": "↑",
    "downarrow": "↓", "times": "×", "infty": "∞", "square": "□", "prime": "′", "leq": "≤",
    "geq": "≥", "le": "≤", "ge": "≥",
}  # fmt: skip
