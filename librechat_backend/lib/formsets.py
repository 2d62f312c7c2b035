"""Tables of rows on the pages of the admin."""

from typing import Any

from django.forms.models import BaseInlineFormSet

NEW_ROWS = 100


class BoundedFormSet(BaseInlineFormSet[Any, Any, Any]):
    """The rows there are, and at most NEW_ROWS more at a time. Django would make a form of each of
    2,000 rows that a request says it has, which keeps a thread busy for half a minute."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_num = self.absolute_max = len(self.get_queryset()) + NEW_ROWS
