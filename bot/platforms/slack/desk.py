"""Where listeners meet the core: what was asked, by whom, and where the answer goes."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain import CommandEvent, PaperwireError, Person, Place, Reply, VoteEvent
from bot.platforms.slack.blocks import JsonObject, Message
from bot.platforms.slack.outcomes import NO_THREAD, TROUBLES, error_of, judge, name
from bot.platforms.slack.people import PLATFORM, People
from bot.platforms.slack.workspaces import Workspaces
from bot.ports import Inbound, Retry

log = structlog.get_logger(__name__)

WRONG = Reply("That went wrong here. The operator's log has the details.", ok=False)
MODAL_BLOCKS = 100
LONGEST_WAIT = 30.0  # seconds that an answer is held back where Slack asks for it
REMEMBERED = 5000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a person, and the ways in which it can be answered."""

    team: str
    user: str
    channel: str
    place: Place
    response_url: str = ""
    trigger_id: str = ""
    thread_ts: str = ""
    view_id: str = ""  # asked from a modal, or from the home page
    at_home: bool = False
    ephemeral: bool = False  # asked from a message that only this person sees


class Desk:
    """Hands in what people do, and gives them the answer, whatever breaks on the way."""

    def __init__(self, inbound: Inbound, workspaces: Workspaces, people: People) -> None:
        self.inbound = inbound
        self.workspaces = workspaces
        self.people = people
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: OrderedDict[str, None] = OrderedDict()

    # --- into the core

    async def command(self, place: Place, person: Person, text: str, event_id: str = "") -> Reply:
        """Carry out a command; never raises."""
        try:
            return await self.inbound.command(CommandEvent(place, person, text, event_id))
        except PaperwireError as trouble:
            return Reply(str(trouble), ok=False)
        except Exception:  # whatever broke, the person is told and the next command is answered
            log.exception("slack_command_failed")
            return WRONG

    async def vote(self, event: VoteEvent) -> Reply:
        """Record a button; never raises."""
        try:
            return await self.inbound.vote(event)
        except PaperwireError as trouble:
            return Reply(str(trouble), ok=False)
        except Exception:  # as above
            log.exception("slack_vote_failed")
            return WRONG

    async def reconnected(self) -> None:
        """Say that events may have been missed; never raises."""
        try:
            await self.inbound.reconnected(PLATFORM)
        except Exception:  # as above; the connection must stand
            log.exception("slack_read_back_failed")

    def first_time(self, event_id: str) -> bool:
        """Whether an event is new to this process; an empty id always is."""
        if not event_id:
            return True
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on with an answer after the acknowledgement; ``settle`` waits for it."""
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, seconds: float) -> None:
        """Let the answers in hand finish for so long, then cut them off."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # nobody awaits this task: its failure is told here or nowhere
            log.exception("slack_answer_failed")

    # --- out to the person

    async def answer(
        self, asked: Asked, message: Message, *, everyone: bool = False, replace: bool = False
    ) -> None:
        """Show an answer where it was asked for: in a view, by response_url, else as a message.

        ``replace`` takes the place of the message that the button stands in, where only this
        person sees that.
        """
        if asked.view_id:
            await self.show(asked, message)
            return
        if asked.response_url and await self._by_url(asked, message, everyone, replace):
            return
        await self._by_message(asked, message, everyone)

    async def _by_url(self, asked: Asked, message: Message, everyone: bool, replace: bool) -> bool:
        client = AsyncWebhookClient(
            asked.response_url,
            session=self.workspaces.session,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
        )
        try:
            answer = await client.send_dict(_response(asked, message, everyone, replace))
        except TROUBLES as trouble:
            log.warning("slack_response_url_failed", reason=name(trouble)[:200])
            # For everyone, a second try could be a second post; what provably failed is none.
            return everyone and not isinstance(judge(trouble), Retry)
        if answer.status_code == 200 and not _refused(answer.body):
            return True
        log.info("slack_response_url_refused", status=answer.status_code, body=answer.body[:100])
        return False

    async def _by_message(
        self, asked: Asked, message: Message, everyone: bool, tries: int = 3
    ) -> None:
        try:
            await self._post(asked, message, everyone)
        except (PaperwireError, *TROUBLES) as trouble:
            verdict = judge(trouble)
            if tries > 1 and asked.thread_ts and error_of(trouble) in NO_THREAD:
                asked = dataclasses.replace(asked, thread_ts="")
                await self._by_message(asked, message, everyone, tries - 1)
            elif tries > 1 and isinstance(verdict, Retry) and verdict.after <= LONGEST_WAIT:
                await asyncio.sleep(max(1.0, verdict.after))
                await self._by_message(asked, message, everyone, tries - 1)
            else:
                self.workspaces.tell_once(asked.team, trouble)
                log.warning("slack_answer_lost", channel=asked.channel, reason=name(trouble)[:200])

    async def _post(self, asked: Asked, message: Message, everyone: bool) -> None:
        arguments: dict[str, Any] = {
            "channel": asked.channel,
            "text": message.text,
            "blocks": list(message.blocks),
        }
        if asked.thread_ts:
            arguments["thread_ts"] = asked.thread_ts
        client = (await self.workspaces.workspace(asked.team)).post
        if everyone:
            await client.chat_postMessage(**arguments, unfurl_links=False, unfurl_media=False)
        else:
            await client.chat_postEphemeral(**arguments, user=asked.user)

    # --- views

    async def show(self, asked: Asked, message: Message, title: str = "Paperwire") -> None:
        """Show an answer in the modal it was asked from; from the home page, in a new one."""
        view = modal(title, list(message.blocks), asked.place)
        if asked.view_id and not asked.at_home:
            await self.update_view(asked.team, asked.view_id, view)
        else:
            await self.open_view(asked, view)

    async def open_view(self, asked: Asked, view: JsonObject) -> str | None:
        """Open a modal within 3 s of the press; return its id, None where that failed."""
        return await self._view(asked.team, "views_open", trigger_id=asked.trigger_id, view=view)

    async def update_view(self, team: str, view_id: str, view: JsonObject) -> str | None:
        """Change what a modal shows."""
        return await self._view(team, "views_update", view_id=view_id, view=view)

    async def publish_home(self, team: str, user: str, view: JsonObject) -> str | None:
        """Change what a person's home page shows."""
        return await self._view(team, "views_publish", user_id=user, view=view)

    async def _view(self, team: str, method: str, **arguments: Any) -> str | None:
        try:
            workspace = await self.workspaces.workspace(team)
            answer = await getattr(workspace.post, method)(**arguments)
        except (PaperwireError, *TROUBLES) as trouble:
            self.workspaces.tell_once(team, trouble)
            log.warning("slack_view_failed", method=method, error=error_of(trouble))
            return None
        data = answer.data if isinstance(answer.data, dict) else {}
        return str((data.get("view") or {}).get("id") or "") or None


def modal(
    title: str, blocks: list[JsonObject], place: Place, *, callback: str = "shown", submit: str = ""
) -> JsonObject:
    """Return a modal; the place travels in it, so that its buttons know where they act."""
    view: JsonObject = {
        "type": "modal",
        "callback_id": callback,
        "title": {"type": "plain_text", "text": title[:24]},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks[:MODAL_BLOCKS],
        "private_metadata": write_place(place),
    }
    if submit:
        view["submit"] = {"type": "plain_text", "text": submit}
        view["close"] = {"type": "plain_text", "text": "Cancel"}
    return view


def write_place(place: Place) -> str:
    """Return a place as a view's private metadata."""
    return json.dumps({"address": place.address, "name": place.name, "private": place.private})


def read_place(metadata: object) -> Place | None:
    """Read a view's private metadata back; None where it holds no place."""
    try:
        said = json.loads(str(metadata))
        return Place(
            PLATFORM, str(said["address"]), name=str(said["name"]), private=bool(said["private"])
        )
    except (ValueError, KeyError, TypeError):
        return None


def with_place(asked: Asked, place: Place, channel: str) -> Asked:
    """Return the same request, meant for another place."""
    return dataclasses.replace(asked, place=place, channel=channel)


def _response(asked: Asked, message: Message, everyone: bool, replace: bool) -> JsonObject:
    instead = replace and asked.ephemeral
    body: JsonObject = {
        "text": message.text,
        "blocks": list(message.blocks),
        "response_type": "in_channel" if everyone else "ephemeral",
        "replace_original": instead,
        "unfurl_links": False,
        "unfurl_media": False,
    }
    if asked.thread_ts and not instead:
        body["thread_ts"] = asked.thread_ts  # else it shows outside of the thread
    return body


def _refused(body: str) -> bool:
    """Whether an answer with status 200 is a refusal all the same; ``ok`` is what Slack says."""
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("ok") is False
