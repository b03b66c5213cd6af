"""Our own drawings of the signs on buttons: many machines have no font for them."""

from __future__ import annotations

_HAND = (
    "M3 10.5h3.2v10H3zM7.6 19.6v-9.2l4-7.6c1.7-.2 2.9 1 2.6 2.7l-.8 4h5.4c1.5 0 2.5 1.2 2.2 2.6"
    "l-1.6 6.6c-.3 1.2-1.2 1.9-2.4 1.9H9.4z"
)
_RIBBON = "M6.5 2.5h11v19l-5.5-4.6-5.5 4.6z"


def _draw(path: str, colour: str, edge: str, *, turned: bool = False) -> str:
    turn = ' transform="rotate(180 12 12)"' if turned else ""
    return (
        '<svg class="emoji" viewBox="0 0 24 24" width="20" height="20">'
        f'<path d="{path}" fill="{colour}" stroke="{edge}" stroke-width="1"{turn}/></svg>'
    )


SIGNS = {
    "👍": _draw(_HAND, "#ffcc4d", "#c98a16"),
    "👎": _draw(_HAND, "#ffcc4d", "#c98a16", turned=True),
    "🔖": _draw(_RIBBON, "#dd4b5f", "#a5283b"),
}


def draw_signs(html: str) -> str:
    """Return HTML with the signs drawn; they must stand in text, not in attributes."""
    for sign, drawing in SIGNS.items():
        html = html.replace(sign, drawing)
    return html
