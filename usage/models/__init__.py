from usage.models.analytics import (
    GroupOfPath,
    GroupOfPathNow,
    GroupOfRequest,
    SavedReport,
    UncountedRequest,
    UsageDaily,
    UsageName,
    UsageNow,
    UsageTail,
)
from usage.models.ledger import (
    Balance,
    BillingRules,
    Budget,
    BudgetPeriod,
    Lease,
    LedgerEntry,
    RefillUnit,
)
from usage.models.limits import LimitCounter, LimitPlace
from usage.models.prices import Price
from usage.models.rate_limits import RateLimit
from usage.models.requests import RequestContent, RequestLog

__all__ = [
    "Balance",
    "BillingRules",
    "Budget",
    "BudgetPeriod",
    "GroupOfPath",
    "GroupOfPathNow",
    "GroupOfRequest",
    "Lease",
    "LedgerEntry",
    "LimitCounter",
    "LimitPlace",
    "Price",
    "RateLimit",
    "RefillUnit",
    "RequestContent",
    "RequestLog",
    "SavedReport",
    "UncountedRequest",
    "UsageDaily",
    "UsageName",
    "UsageNow",
    "UsageTail",
]
