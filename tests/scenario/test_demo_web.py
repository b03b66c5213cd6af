"""The demonstration in a browser serves the sample, and its last day arrives while one looks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from bot.demo.page import WebDemo


async def test_the_last_day_arrives_while_the_page_is_open(tmp_path: Path) -> None:
    demo = WebDemo(tmp_path, port=0)
    await demo.open()
    stop = asyncio.Event()
    serving = asyncio.create_task(demo.serve(stop, live_after=0.0))
    try:
        async with aiohttp.ClientSession() as session:
            text = ""
            async with asyncio.timeout(60):
                while "Fri 16 Oct 2026, 09:00</a>" not in text:
                    async with session.get(f"{demo.page.url}/") as answer:
                        text = await answer.text()
                        assert answer.status == 200
                    await asyncio.sleep(0.05)
            assert "language-lab" in text
            async with session.get(f"{demo.page.url}/channels/1") as answer:
                assert "why" in (await answer.text()).casefold()
    finally:
        stop.set()
        await serving
        await demo.close()
