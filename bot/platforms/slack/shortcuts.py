"""Shortcuts: search from anywhere, and share the paper that a message links to."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_sdk.models.blocks import InputBlock, PlainTextInputElement

from bot.domain import Place, Reply
from bot.platforms.slack.actions import read_asked
from bot.platforms.slack.blocks import JsonObject, section
from bot.platforms.slack.desk import Asked, Desk, modal
from bot.platforms.slack.listeners import carry_out, team_of
from bot.platforms.slack.people import PLATFORM
from bot.platforms.slack.replies import reply_message

SHARE = "share_paper"
SEARCH = "search_papers"
QUERY = "query"
_LINK = re.compile(r"https?://[^\s<>|]+")
_PAPERS = re.compile(r"arxiv|doi\.org|huggingface\.co/papers|alphaxiv", re.IGNORECASE)

Body = dict[str, Any]
PATIENCE = 2.0  # seconds; Slack waits for 3
NOWHERE = Place(PLATFORM, "", name="", private=True)


class Shortcuts:
    """The entries of Slack's own menus."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def register(self, app: AsyncApp) -> None:
        """Register every listener of this module."""
        app.shortcut(SHARE)(self.share)
        app.shortcut(SEARCH)(self.search)
        app.view(SEARCH)(self.found)

    async def share(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Share the paper that a message links to."""
        await ack()
        asked = await read_asked(self._desk, body, context)
        links = _LINK.findall(str((body.get("message") or {}).get("text") or ""))
        link = next((one for one in links if _PAPERS.search(one)), links[0] if links else None)
        if link is None:
            none = Reply("That message has no link to a paper.", ok=False)
            self._desk.spawn(self._desk.answer(asked, reply_message(none)))
        else:
            self._desk.spawn(carry_out(self._desk, asked, f"submit {link}"))

    async def search(self, ack: AsyncAck, body: Body, context: AsyncBoltContext) -> None:
        """Open the search, from anywhere in Slack."""
        await ack()
        asked = await read_asked(self._desk, body, context)
        field = InputBlock(
            block_id=QUERY,
            label="Search for",
            hint='Words, "a phrase", -word, author:name, title:word, after:2026-01-01',
            element=PlainTextInputElement(action_id=QUERY, max_length=300),
        )
        view = modal("Search papers", [field.to_dict()], NOWHERE, callback=SEARCH, submit="Search")
        self._desk.spawn(self._open(asked, view))

    async def _open(self, asked: Asked, view: JsonObject) -> None:
        await self._desk.open_view(asked, view)

    async def found(
        self, ack: AsyncAck, body: Body, view: JsonObject, context: AsyncBoltContext
    ) -> None:
        """Show what the search found, in the same window."""
        values = (view.get("state") or {}).get("values") or {}
        query = str(((values.get(QUERY) or {}).get(QUERY) or {}).get("value") or "").strip()
        user = str((body.get("user") or {}).get("id") or "")
        searching = asyncio.create_task(self._search(team_of(body, context), user, query))
        done, _ = await asyncio.wait({searching}, timeout=PATIENCE)
        if done:
            await ack(response_action="update", view=searching.result())
            return
        waiting = modal("Search papers", [section("Looking …").to_dict()], NOWHERE)
        await ack(response_action="update", view=waiting)
        self._desk.spawn(self._update(team_of(body, context), str(view.get("id")), searching))

    async def _search(self, team: str, user: str, query: str) -> JsonObject:
        command = f"search {query}"
        person = await self._desk.people.person(team, user)
        reply = await self._desk.command(NOWHERE, person, command)
        message = reply_message(reply, command=command, placed=False)
        return modal("Search papers", list(message.blocks), NOWHERE)

    async def _update(self, team: str, view_id: str, searching: asyncio.Task[JsonObject]) -> None:
        view = await searching
        # Were it quicker than the acknowledgement, the answer would be written over.
        await asyncio.sleep(0.5)
        await self._desk.update_view(team, view_id, view)
