"""An answer's picture as a file of Slack's, so that a block can show it."""

from __future__ import annotations

import structlog

from bot.domain import PaperwireError, Reply
from bot.platforms.slack.outcomes import TROUBLES, error_of
from bot.platforms.slack.workspaces import Workspaces

log = structlog.get_logger(__name__)

FILE_NAME = "paperwire.png"


async def upload_image(workspaces: Workspaces, team: str, reply: Reply) -> str:
    """Upload the answer's picture, shared with nobody yet; return its id.

    Empty where there is no picture or it cannot be uploaded: its description then stands for it.
    """
    if not reply.image:
        return ""
    try:
        client = (await workspaces.workspace(team)).post
        place = await client.files_getUploadURLExternal(
            filename=FILE_NAME, length=len(reply.image), alt_txt=reply.image_alt[:1000] or None
        )
        url, file_id = str(place["upload_url"]), str(place["file_id"])
        async with workspaces.session.post(url, data=reply.image) as answer:
            if answer.status != 200:
                log.warning("slack_upload_failed", status=answer.status)
                return ""
        await client.files_completeUploadExternal(files=[{"id": file_id, "title": "Paperwire"}])
    except (PaperwireError, KeyError, *TROUBLES) as trouble:
        workspaces.tell_once(team, trouble)
        log.warning("slack_upload_failed", error=error_of(trouble) or type(trouble).__name__)
        return ""
    return file_id
