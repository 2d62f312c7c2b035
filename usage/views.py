"""``/api/usage``: what one used oneself; ``/api/balance``: what one has."""

from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import user_of
from librechat_backend.lib.json import JSONDict
from librechat_backend.lib.limit_offset import limit_and_offset
from usage.analytics.asked import GROUPINGS, Asked, own_usage
from usage.analytics.serializers import page_to_wire, request_to_wire
from usage.analytics.tables import Table, labelled, read_table
from usage.ledger.movements import open_balance
from usage.ledger.pools import current_billing
from usage.models import RequestLog
from usage.serializers import balance_to_wire


class Usage(APIView):
    """Added up: ``from``, ``to``, ``groupBy``, ``preset``, ``model``, ``face``, ``key``, and
    ``limit``, ``offset``."""

    def get(self, request: Request) -> Response:
        return Response(page_of_usage(request, own_usage(request, user_of(request).pk)))


class Requests(APIView):
    """One by one, the newest first: the same choice and paging."""

    def get(self, request: Request) -> Response:
        limit, offset = limit_and_offset(request)
        selection = own_usage(request, user_of(request).pk).selection
        rows = RequestLog.objects.filter(selection.of_requests())
        return Response(
            {
                "requests": [request_to_wire(row) for row in rows[offset : offset + limit]],
                "total": rows.count(),
                "limit": limit,
                "offset": offset,
            }
        )


def page_of_usage(request: Request, asked: Asked) -> JSONDict:
    """At most five queries, whatever there is. Raises InvalidFields."""
    limit, offset = limit_and_offset(request)
    table, totals = read_table(asked.selection, GROUPINGS[asked.grouping])
    page = labelled(Table(table.dimension, table.rows[offset : offset + limit]))
    return page_to_wire(asked, page.rows, totals, total=len(table.rows), limit=limit, offset=offset)


@api_view(["GET"])
def balance(request: Request) -> Response:
    """204 while there are no balances (contract 02 §11.1)."""
    rules = current_billing().rules
    if not rules.has_balances:
        return Response(status=204)
    return Response(balance_to_wire(open_balance(user_of(request)), rules))
