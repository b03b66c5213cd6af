"""Every command and every channel setting: the one table that help, Discord and completion read."""

from __future__ import annotations

from bot.commands.model import ArgumentKind, ArgumentSpec, CommandSpec, SettingSpec
from bot.domain import Layout, Mode

ON_OFF = ("on", "off")

SETTINGS: tuple[SettingSpec, ...] = (
    SettingSpec(
        "schedule",
        "schedule",
        "When the digest is posted: days and a time, or cron with weekday names",
        'schedule="weekdays 09:00"',
        aliases=("at", "when", "time"),
    ),
    SettingSpec(
        "timezone",
        "timezone",
        "The time zone of the schedule, as a city",
        "timezone=Europe/Berlin",
        kind=ArgumentKind.TIMEZONE,
        aliases=("in", "tz", "zone"),
    ),
    SettingSpec(
        "size",
        "size",
        "How many papers a digest has at most",
        "size=5",
        kind=ArgumentKind.INTEGER,
        minimum=1,
        maximum=20,
        aliases=("top", "papers"),
    ),
    SettingSpec(
        "threshold",
        "threshold",
        "How well a paper must match, from 0 (anything) to 100 (only perfect matches)",
        "threshold=60",
        kind=ArgumentKind.INTEGER,
        minimum=0,
        maximum=100,
        aliases=("match", "min"),
    ),
    SettingSpec(
        "layout",
        "layout",
        "thread: a list with replies; cards: one message a paper; single: one message for all",
        "layout=cards",
        kind=ArgumentKind.CHOICE,
        choices=tuple(Layout),
    ),
    SettingSpec(
        "mode",
        "mode",
        "Papers for your interests, papers that are trending, or both",
        "mode=both",
        kind=ArgumentKind.CHOICE,
        choices=tuple(Mode),
    ),
    SettingSpec(
        "sources",
        "sources",
        "Where papers come from, with commas between, or all",
        "sources=huggingface,arxiv",
        aliases=("source", "from"),
    ),
    SettingSpec(
        "you-missed",
        "you_missed",
        "Once a week, the papers that became popular after their day",
        "you-missed=on",
        kind=ArgumentKind.CHOICE,
        choices=ON_OFF,
        aliases=("missed",),
    ),
    SettingSpec(
        "quiet",
        "quiet_note",
        "One line on a day without papers for you, instead of silence",
        "quiet=off",
        kind=ArgumentKind.CHOICE,
        choices=ON_OFF,
        aliases=("quiet-note",),
    ),
    SettingSpec(
        "explore",
        "explore",
        "One paper a digest from just outside your interests",
        "explore=on",
        kind=ArgumentKind.CHOICE,
        choices=ON_OFF,
        aliases=("exploration",),
    ),
    SettingSpec(
        "source-summary",
        "prefer_source_summary",
        "The source's own summary where it has one, instead of ours",
        "source-summary=on",
        kind=ArgumentKind.CHOICE,
        choices=ON_OFF,
        aliases=("prefer-source-summary",),
    ),
)

_SETTING_ARGUMENTS = tuple(
    ArgumentSpec(
        setting.key,
        setting.description,
        kind=setting.kind,
        choices=setting.choices,
        minimum=setting.minimum,
        maximum=setting.maximum,
        lead=f"{setting.key}=",
    )
    for setting in SETTINGS
)
_ITEMS = ArgumentSpec(
    "items",
    "Topics, -mutes, author:, cat: or papers, with commas between",
    required=True,
)
_PAPER = ArgumentSpec(
    "paper",
    "Its number in the last digest (3), its arXiv id or its link",
    kind=ArgumentKind.PAPER,
    required=True,
)

COMMANDS: tuple[CommandSpec, ...] = (
    CommandSpec(
        "help",
        "/papers help [COMMAND]",
        "Show what I can do, or how one command is written",
        (ArgumentSpec("command", "The command you want to know about"),),
        aliases=("?", "commands", "info"),
        examples=("/papers help", "/papers help subscribe"),
    ),
    CommandSpec(
        "subscribe",
        "/papers subscribe INTERESTS [at WHEN] [in TIMEZONE] [top N] [key=value ...]",
        "Get a digest of new papers on your interests in this channel",
        (
            ArgumentSpec("interests", "Topics, -mutes, author:, cat: or papers, commas between"),
            *_SETTING_ARGUMENTS,
        ),
        aliases=("sub", "follow", "start"),
        needs_management=True,
        examples=(
            "/papers subscribe low-resource translation, morphology",
            '/papers subscribe speech, -"image generation" at weekdays 09:00 in Europe/Berlin',
            "/papers subscribe cat:cs.CL, 2106.09685 top 5 layout=cards",
        ),
    ),
    CommandSpec(
        "unsubscribe",
        "/papers unsubscribe",
        "Stop the digests in this channel",
        aliases=("unsub", "unfollow", "stop", "leave"),
        needs_management=True,
        examples=("/papers unsubscribe",),
    ),
    CommandSpec(
        "profile show",
        "/papers profile",
        "Show this channel's interests, written and learned",
        aliases=("profile list", "profile view", "interests"),
        examples=("/papers profile",),
    ),
    CommandSpec(
        "profile add",
        "/papers profile add ITEMS",
        "Add topics, mutes, authors, categories or papers to the interests",
        (_ITEMS,),
        aliases=("profile follow", "profile +"),
        needs_management=True,
        examples=(
            "/papers profile add speech recognition, morphology",
            '/papers profile add -"image generation", author:"Jane Roe", cat:cs.CL',
        ),
    ),
    CommandSpec(
        "profile remove",
        "/papers profile remove ITEMS",
        "Take something out of the interests",
        (ArgumentSpec("items", "What should go, as the profile writes it", required=True),),
        aliases=("profile delete", "profile rm", "profile drop"),
        needs_management=True,
        examples=("/papers profile remove morphology",),
    ),
    CommandSpec(
        "profile set",
        "/papers profile set ITEMS",
        "Replace all the interests",
        (_ITEMS,),
        aliases=("profile replace",),
        needs_management=True,
        examples=("/papers profile set robotics, cat:cs.RO",),
    ),
    CommandSpec(
        "search",
        "/papers search QUERY",
        "Find papers I have seen",
        (
            ArgumentSpec(
                "query",
                'Words, "a phrase", -word, author:name, title:word, after:2026-01-01',
                required=True,
            ),
        ),
        aliases=("find", "s", "query"),
        examples=("/papers search morphology", '/papers search "low-resource" author:roe'),
    ),
    CommandSpec(
        "preview",
        "/papers preview",
        "See what the next digest would be now; nothing is posted",
        aliases=("next", "test"),
        examples=("/papers preview",),
    ),
    CommandSpec(
        "more",
        "/papers more [N]",
        "Post the next best papers of the last digest",
        (
            ArgumentSpec(
                "count", "How many, from 1 to 20", ArgumentKind.INTEGER, minimum=1, maximum=20
            ),
        ),
        examples=("/papers more", "/papers more 3"),
    ),
    CommandSpec(
        "why",
        "/papers why PAPER",
        "Why a paper was chosen, or was not",
        (_PAPER,),
        aliases=("explain", "reason"),
        examples=("/papers why 3", "/papers why 2106.09685"),
    ),
    CommandSpec(
        "like",
        "/papers like PAPER",
        "More papers like this one",
        (_PAPER,),
        aliases=("+1", "up", "upvote", "👍"),
        examples=("/papers like 1", "/papers like https://arxiv.org/abs/2106.09685"),
    ),
    CommandSpec(
        "dislike",
        "/papers dislike PAPER",
        "Fewer papers like this one",
        (_PAPER,),
        aliases=("-1", "down", "downvote", "👎"),
        examples=("/papers dislike 2",),
    ),
    CommandSpec(
        "save",
        "/papers save PAPER",
        "Keep a paper on your own list",
        (_PAPER,),
        aliases=("bookmark", "keep", "🔖"),
        examples=("/papers save 1",),
    ),
    CommandSpec(
        "saved",
        "/papers saved [PAGE]",
        "Show your saved papers; only you see them",
        (
            ArgumentSpec(
                "page", "Which page, from 1 on", ArgumentKind.INTEGER, minimum=1, maximum=10_000
            ),
        ),
        aliases=("bookmarks",),
        examples=("/papers saved", "/papers saved 2"),
    ),
    CommandSpec(
        "submit",
        "/papers submit LINK",
        "Share a paper with this channel; it also counts as an example of what you like",
        (ArgumentSpec("link", "Its arXiv or Hugging Face link, arXiv id or DOI", required=True),),
        aliases=("share", "post"),
        examples=("/papers submit https://arxiv.org/abs/2106.09685",),
    ),
    CommandSpec(
        "schedule",
        "/papers schedule [WHEN] [in TIMEZONE]",
        "Show when digests come, or change it",
        (
            ArgumentSpec("when", "Days and a time: weekdays 09:00, daily 18:30, mon,thu 08:00"),
            ArgumentSpec(
                "timezone",
                "The time zone, such as Europe/Berlin",
                kind=ArgumentKind.TIMEZONE,
                lead="in ",
            ),
        ),
        needs_management=True,
        examples=("/papers schedule", "/papers schedule weekdays 09:00 in Europe/Berlin"),
    ),
    CommandSpec(
        "settings",
        "/papers settings [key=value ...]",
        "Show this channel's settings, or change them",
        _SETTING_ARGUMENTS,
        aliases=("set", "setting", "config", "configure"),
        needs_management=True,
        examples=("/papers settings", "/papers settings size=5 threshold=60 layout=cards"),
    ),
    CommandSpec(
        "pause",
        "/papers pause",
        "Hold the digests back until resume",
        aliases=("snooze", "hold"),
        needs_management=True,
        examples=("/papers pause",),
    ),
    CommandSpec(
        "resume",
        "/papers resume",
        "Start the digests again after a pause",
        aliases=("unpause", "continue"),
        needs_management=True,
        examples=("/papers resume",),
    ),
    CommandSpec(
        "status",
        "/papers status",
        "Show the next digest, the last one, and whether all is well",
        aliases=("health",),
        examples=("/papers status",),
    ),
    CommandSpec(
        "forget-me",
        "/papers forget-me yes",
        "Delete all I know about you: votes and saved papers, in every channel",
        (
            ArgumentSpec(
                "confirm", "yes: really delete it", ArgumentKind.CHOICE, choices=("yes", "no")
            ),
        ),
        aliases=("forget", "forgetme", "forget me"),
        examples=("/papers forget-me", "/papers forget-me yes"),
    ),
)

BY_NAME = {spec.name: spec for spec in COMMANDS}
NAMES: dict[str, str] = {
    **{alias: spec.name for spec in COMMANDS for alias in spec.aliases},
    **{spec.name: spec.name for spec in COMMANDS},
    "profile": "profile show",
}
KEYS: dict[str, SettingSpec] = {
    name: setting for setting in SETTINGS for name in (setting.key, *setting.aliases)
}
GROUPS: tuple[str, ...] = ("profile",)
TOP_NAMES: tuple[str, ...] = tuple(dict.fromkeys(spec.name.split()[0] for spec in COMMANDS))
