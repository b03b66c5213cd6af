"""The API's description, which the tests hold its answers against."""

from __future__ import annotations

from collections.abc import Mapping

Json = Mapping[str, object]

TEXT: Json = {"type": "string"}
COUNT: Json = {"type": "integer", "minimum": 0}
LINK: Json = {"type": "string", "format": "uri"}
TIME: Json = {"type": "string", "format": "date-time"}


def _or_null(kind: Json) -> Json:
    return {**kind, "type": [kind["type"], "null"]}


def _list(kind: Json) -> Json:
    return {"type": "array", "items": kind}


def _object(properties: Mapping[str, Json]) -> Json:
    """Describe an object that has exactly these fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _page(item: str, more: Mapping[str, Json] | None = None) -> Json:
    next_ = {**_or_null(LINK), "description": "The next page; null at the end"}
    items = _list({"$ref": f"#/components/schemas/{item}"})
    return _object({"items": items, **(more or {}), "next": next_})


PAPER = _object(
    {
        "id": COUNT,
        "handle": {**TEXT, "description": "What a person types to mean this paper"},
        "title": TEXT,
        "abstract": TEXT,
        "authors": _list(TEXT),
        "author_count": COUNT,
        "arxiv_id": _or_null(TEXT),
        "doi": _or_null(TEXT),
        "version": COUNT,
        "url": _or_null(LINK),
        "page": LINK,
        "published": _or_null({"type": "string", "format": "date"}),
        "listed_on": _or_null({"type": "string", "format": "date"}),
        "seen_at": TIME,
        "categories": _list(TEXT),
        "upvotes": _or_null(COUNT),
        "comments": _or_null(COUNT),
        "code_url": _or_null(TEXT),
    }
)
PART = _object({"name": TEXT, "kind": TEXT, "value": {"type": "number"}})
POSTED = _object(
    {
        "number": COUNT,
        "handle": TEXT,
        "title": TEXT,
        "url": _or_null(LINK),
        "page": LINK,
        "summary": TEXT,
        "reason": TEXT,
        "label": TEXT,
        "match": _or_null({"type": "integer", "minimum": 0, "maximum": 100}),
        "score": {"type": "number"},
        "parts": {**_list(PART), "description": "Named terms; their values sum to the score"},
        "state": {"enum": ["pending", "sending", "sent", "unknown", "abandoned"]},
    }
)
DIGEST = _object(
    {
        "id": COUNT,
        "channel": _object({"id": COUNT, "name": TEXT, "platform": TEXT}),
        "slot": {**TEXT, "description": "The channel's wall-clock time, without offset"},
        "kind": {"enum": ["daily", "missed", "more", "shared"]},
        "planned_at": TIME,
        "considered": COUNT,
        "chosen": COUNT,
        "note": TEXT,
        "papers": _list({"$ref": "#/components/schemas/PostedPaper"}),
    }
)
HIT = _object(
    {
        "id": COUNT,
        "handle": TEXT,
        "title": TEXT,
        "url": _or_null(LINK),
        "page": LINK,
        "authors": TEXT,
        "date": TEXT,
        "score": {"type": "number"},
        "snippet": TEXT,
    }
)
ERROR = _object({"error": TEXT})


def document(base: str) -> Json:
    """Return the description (OpenAPI 3.1) of the API served at ``base``."""
    limit = _asked("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50})
    before = _asked("before", COUNT, "Only what has a smaller id; `next` of an answer has it")
    channel = _asked("channel", COUNT, "A channel's number")
    found = {"query": TEXT, "total": COUNT, "exact": {"type": "boolean"}, "notes": _list(TEXT)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Paperwire",
            "version": "1",
            "description": "Papers, digests and search of one Paperwire. Private channels are "
            "left out unless the page's password or token is given.",
        },
        "servers": [{"url": base}],
        "security": [{}, {"bearer": []}, {"basic": []}],
        "paths": {
            "/api/papers": _get(
                "listPapers",
                "Papers, newest first",
                [
                    limit,
                    before,
                    _asked("day", {"type": "string", "format": "date"}, "Of this listing day"),
                    _asked("source", TEXT, "From this source"),
                ],
                _page("Paper"),
            ),
            "/api/digests": _get(
                "listDigests",
                "Digests with their papers, newest first",
                [limit, before, channel],
                _page("Digest"),
            ),
            "/api/search": _get(
                "search",
                "Search all papers",
                [
                    {**_asked("q", TEXT, "As after /papers search"), "required": True},
                    limit,
                    _asked("offset", COUNT, "How many hits to pass over"),
                    _asked("upto", COUNT, "Only papers up to this one, so that pages stay put"),
                    channel,
                ],
                _page("Hit", found),
            ),
            "/api/openapi.json": {
                "get": {
                    "operationId": "describe",
                    "summary": "This description",
                    "responses": {"200": _content({"type": "object"}, "OpenAPI 3.1")},
                }
            },
        },
        "components": {
            "schemas": {
                "Paper": PAPER,
                "PostedPaper": POSTED,
                "Digest": DIGEST,
                "Hit": HIT,
                "Error": ERROR,
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _asked(name: str, schema: Json, description: str = "") -> Json:
    told = {"description": description} if description else {}
    return {"name": name, "in": "query", "required": False, "schema": schema, **told}


def _content(schema: Json, description: str) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _get(operation: str, summary: str, parameters: list[Json], answer: Json) -> Json:
    error = {"$ref": "#/components/schemas/Error"}
    etag = {"description": "Send it back as If-None-Match", "schema": TEXT}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": parameters,
            "responses": {
                "200": {**_content(answer, "A page of the list"), "headers": {"ETag": etag}},
                "304": {"description": "Nothing changed since the ETag that was sent"},
                "400": _content(error, "A parameter is wrong"),
                "401": _content(error, "The page's password or token is needed"),
            },
        }
    }
