"""Draws the pictures of a digest in headless Chromium: ``make pictures``.

Each PNG carries the fingerprint of the HTML it was drawn from, so that a test can tell, without a
browser, whether the code would still give the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.pictures.scenes import draw

if TYPE_CHECKING:
    from playwright.async_api import Browser, FloatRect

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "pictures"
DRAWN_FROM = "paperwire-drawn-from"  # the name of the fingerprint among a PNG's texts
WIDTHS = {"slack": 720, "discord": 640, "mail": 720, "web": 1000}  # in CSS pixels
LAST = {"web": "section.group"}  # what is shown last where the page goes on
SCALE = 1.5
MARGIN = 16


def fingerprint(page: str) -> str:
    """Return what tells one picture's HTML from another's."""
    return hashlib.sha256(page.encode()).hexdigest()


async def main() -> None:
    """Draw them all into ``FOLDER``."""
    from playwright.async_api import async_playwright

    path = os.environ.get("PAPERWIRE_CHROMIUM") or shutil.which("chromium")
    if path is None:
        sys.exit("There is no Chromium. Name one with PAPERWIRE_CHROMIUM.")
    pages = await draw()
    flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=flags)
        for name, page in pages.items():
            size = await _draw(browser, name, page)
            print(f"{name}.png: {size:,} bytes")
        await browser.close()


async def _draw(browser: Browser, name: str, page: str) -> int:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    context = await browser.new_context(
        viewport={"width": WIDTHS[name], "height": 900},
        device_scale_factor=SCALE,
        color_scheme="light",
        java_script_enabled=False,
        offline=True,
    )
    window = await context.new_page()
    await window.set_content(page)
    box = await window.locator(LAST.get(name, ".stage")).first.bounding_box()
    assert box is not None
    below = box["y"] + box["height"] + (MARGIN if name in LAST else 0)
    clip: FloatRect = {"x": 0, "y": 0, "width": WIDTHS[name], "height": below}
    shot = await window.screenshot(full_page=True, clip=clip)
    await context.close()
    about = PngInfo()
    about.add_text(DRAWN_FROM, fingerprint(page))
    FOLDER.mkdir(exist_ok=True)
    target = FOLDER / f"{name}.png"
    # A picture of text has few colours: the file is a third as long.
    few = Image.open(io.BytesIO(shot)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(target, optimize=True, pnginfo=about)
    return target.stat().st_size


if __name__ == "__main__":
    from bot.logs import configure

    configure("error")
    asyncio.run(main())
