"""The web page as a chat platform, and the operator's window onto everything else.

Importing this costs the start-up of aiohttp and Jinja2, so it is done where the page is served.
"""

from bot.platforms.web.page import WebPage

__all__ = ["WebPage"]
