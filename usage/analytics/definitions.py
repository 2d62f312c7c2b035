"""Views and triggers, in the words of both databases.

How a request becomes figures is said once, in ``usage_request_cell``: days are summed over it and
what is not counted yet is read through it, so the two cannot differ. The ``v_…`` are for people who
ask with SQL (docs/analytics.md); their names and columns are an interface.

A migration that changes one calls :func:`drop_views` and :func:`create_views`. On PostgreSQL one
that alters or removes a column a view reads has to do so, too.
"""

# ruff: noqa: S608 - statements of constants

from collections.abc import Sequence

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from usage.analytics.measures import (
    ANSWERED,
    BOUNDS_MS,
    DIMENSIONS,
    ERRORS,
    MEASURES,
    SUMS,
)

VIEWS = (
    "usage_request_cell", "usage_request_group", "usage_tail", "usage_now", "usage_groups_now",
    "v_usage_daily", "v_cost_by_group", "v_preset_adoption", "v_user_activity",
    "v_cost_by_conversation",
)  # fmt: skip

_SQLITE = {
    "day": "substr(r.created_at, 1, 10)",
    "path": (
        "(SELECT json_group_array(json_extract(g.value, '$.id')) FROM json_each(r.\"groups\") g)"
    ),
    "each_group": "json_each(r.\"groups\") g WHERE json_type(g.value, '$.id') = 'integer'",
    "group_id": "json_extract(g.value, '$.id')",
    "group_name": "json_extract(g.value, '$.name')",
}
_POSTGRESQL = {
    "day": "(r.created_at AT TIME ZONE 'UTC')::date",
    "path": "jsonb_path_query_array(r.groups, '$[*].id')::text",
    "each_group": (
        "jsonb_array_elements(r.groups) g (value) WHERE jsonb_typeof(g.value->'id') = 'number'"
    ),
    "group_id": (
        "CASE WHEN jsonb_typeof(g.value->'id') = 'number' THEN (g.value->'id')::bigint END"
    ),
    "group_name": "g.value->>'name'",
}


def _one_if(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"


def _among(values: tuple[str, ...]) -> str:
    return f"r.status IN ({', '.join(repr(value) for value in values)})"


def _histogram(column: str, prefix: str, condition: str) -> list[str]:
    lows, highs = (0, *BOUNDS_MS), (*BOUNDS_MS, None)
    return [
        _one_if(
            f"{condition} AND r.{column} >= {low}" + (f" AND r.{column} < {high}" if high else "")
        )
        + f" AS {prefix}_{number}"
        for number, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]


def _cell_columns(words: dict[str, str]) -> str:
    answered = _among(ANSWERED)
    return ", ".join(
        [
            f"r.id AS request_id, {words['day']} AS day, r.user_id, {words['path']} AS path",
            "r.preset_slug AS preset",
            "COALESCE(NULLIF(r.served_model, ''), r.requested_model) AS model",
            "r.channel_id, r.token_id, r.face, r.status, 1 AS requests",
            "r.input_tokens, r.output_tokens, r.cache_read_tokens, r.cache_write_tokens",
            "r.reasoning_tokens, COALESCE(r.cost_credits, 0) AS cost_credits",
            _one_if(f"r.cost_credits IS NULL AND {answered}") + " AS unpriced",
            _one_if(f"r.cost_credits = 0 AND {answered}") + " AS zero_priced",
            _one_if("r.cache <> ''") + " AS cache_hits",
            _one_if(_among(ERRORS)) + " AS errors",
            "COALESCE(r.first_token_ms, 0) AS first_token_ms",
            f"CASE WHEN {answered} THEN r.total_ms ELSE 0 END AS total_ms",
            *_histogram("first_token_ms", "first", "r.first_token_ms IS NOT NULL"),
            *_histogram("total_ms", "total", answered),
        ]
    )


def _statements(words: dict[str, str]) -> list[str]:
    return [*_each_request(words), *_days_and_the_rest(), *_for_people()]


def _each_request(words: dict[str, str]) -> list[str]:
    cell = _cell_columns(words)
    return [
        f"CREATE VIEW usage_request_cell AS SELECT {cell} FROM usage_requestlog r",
        f"CREATE VIEW usage_request_group AS SELECT r.id AS request_id, {words['path']} AS path, "
        f"{words['group_id']} AS group_id, {words['group_name']} AS name "
        f"FROM usage_requestlog r, {words['each_group']}",
    ]


def _days_and_the_rest() -> list[str]:
    """What has been counted, and what is not counted yet."""
    columns = ", ".join(DIMENSIONS + MEASURES)
    # CROSS: SQLite then begins with the few that are not counted, whatever it knows of sizes.
    uncounted = "usage_uncountedrequest u CROSS JOIN {} r WHERE r.request_id = u.request_id"
    return [
        f"CREATE VIEW usage_tail AS SELECT {columns} FROM {uncounted.format('usage_request_cell')}",
        f"CREATE VIEW usage_now AS SELECT {columns} FROM usage_usagedaily UNION ALL "
        f"SELECT {columns} FROM usage_tail",
        "CREATE VIEW usage_groups_now AS SELECT path, group_id, MAX(name) AS name FROM ("
        "SELECT path, group_id, name FROM usage_groupofpath UNION ALL "
        f"SELECT path, group_id, name FROM {uncounted.format('usage_request_group')}"
        ") AS each_group "
        "GROUP BY path, group_id",
    ]


def _for_people() -> list[str]:
    few = ("requests", "input_tokens", "output_tokens", "cost_credits", "unpriced")
    sums, few_sums = _sums(SUMS), _sums(few)
    return [
        "CREATE VIEW v_usage_daily AS SELECT n.day, n.user_id, p.email, n.preset, n.model, "
        "n.channel_id, c.name AS channel, n.token_id, t.name AS token, n.face, n.status, "
        f"{sums} FROM usage_now n LEFT JOIN accounts_user p ON p.id = n.user_id "
        "LEFT JOIN usage_usagename c ON c.kind = 'channel' AND c.key = n.channel_id "
        "LEFT JOIN usage_usagename t ON t.kind = 'token' AND t.key = n.token_id "
        "GROUP BY n.day, n.user_id, p.email, n.preset, n.model, n.channel_id, c.name, n.token_id, "
        "t.name, n.face, n.status",
        "CREATE VIEW v_cost_by_group AS SELECT n.day, g.group_id, "
        f"COALESCE(a.name, g.name) AS group_name, {few_sums} "
        "FROM usage_now n JOIN usage_groups_now g ON g.path = n.path "
        "LEFT JOIN accounts_group a ON a.id = g.group_id "
        "GROUP BY n.day, g.group_id, COALESCE(a.name, g.name)",
        "CREATE VIEW v_preset_adoption AS SELECT n.preset, MIN(n.day) AS first_day, "
        "MAX(n.day) AS last_day, COUNT(DISTINCT n.day) AS days, "
        f"COUNT(DISTINCT n.user_id) AS people, {few_sums} "
        "FROM usage_now n WHERE n.preset <> '' GROUP BY n.preset",
        "CREATE VIEW v_user_activity AS SELECT n.user_id, p.email, MIN(n.day) AS first_day, "
        f"MAX(n.day) AS last_day, COUNT(DISTINCT n.day) AS days, {few_sums} "
        "FROM usage_now n LEFT JOIN accounts_user p ON p.id = n.user_id "
        "WHERE n.user_id IS NOT NULL GROUP BY n.user_id, p.email",
        "CREATE VIEW v_cost_by_conversation AS SELECT e.conversation_id, e.user_id, "
        "COUNT(DISTINCT e.request_id) AS requests, SUM(e.cost) AS cost_credits, "
        "MIN(e.created_at) AS first_at, MAX(e.created_at) AS last_at FROM usage_ledgerentry e "
        "WHERE e.kind = 'usage' AND e.conversation_id <> '' GROUP BY e.conversation_id, e.user_id",
    ]


def _sums(names: Sequence[str]) -> str:
    return ", ".join(f"SUM(n.{name}) AS {name}" for name in names)


_SQLITE_TRIGGER = """
CREATE TRIGGER usage_request_logged AFTER INSERT ON usage_requestlog BEGIN
    INSERT OR IGNORE INTO usage_uncountedrequest (request_id) VALUES (new.id);
END
"""
_POSTGRESQL_TRIGGER = (
    """
CREATE FUNCTION usage_note_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO usage_uncountedrequest (request_id) VALUES (new.id) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$
""",
    """
CREATE TRIGGER usage_request_logged AFTER INSERT ON usage_requestlog
FOR EACH ROW EXECUTE FUNCTION usage_note_request()
""",
)


def create_views(editor: BaseDatabaseSchemaEditor) -> None:
    words = _POSTGRESQL if editor.connection.vendor == "postgresql" else _SQLITE
    for statement in _statements(words):
        editor.execute(statement, params=None)


def drop_views(editor: BaseDatabaseSchemaEditor) -> None:
    for view in reversed(VIEWS):
        editor.execute(f"DROP VIEW {view}", params=None)


def create_trigger(editor: BaseDatabaseSchemaEditor) -> None:
    """And what is in the log by now is to be counted."""
    is_postgresql = editor.connection.vendor == "postgresql"
    for statement in _POSTGRESQL_TRIGGER if is_postgresql else (_SQLITE_TRIGGER,):
        editor.execute(statement, params=None)
    editor.execute(
        "INSERT INTO usage_uncountedrequest (request_id) SELECT id FROM usage_requestlog",
        params=None,
    )


def drop_trigger(editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("DROP FUNCTION usage_note_request() CASCADE", params=None)
    else:
        editor.execute("DROP TRIGGER usage_request_logged", params=None)
