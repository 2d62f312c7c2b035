"""Admin pages that save through services, and show what a service refuses beside the field."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.db.models import Q, QuerySet
from django.forms import BaseModelForm
from django.http import HttpRequest, HttpResponse

from accounts.changes import REASON_MAX_LENGTH, because
from accounts.models import User
from librechat_backend.lib.admin import TabularInline, TextInput
from librechat_backend.lib.errors import Conflict, Forbidden, InvalidFields
from presets.admin.scope import ScopedAdmin, has_everything, managed_ids, visible_people

if TYPE_CHECKING:
    _ModelForm = BaseModelForm[Any]
else:
    _ModelForm = BaseModelForm

_REFUSED = "_refused_change"
WHOLE = "__all__"


class RefusedChange(Exception):
    """What a service said no to, and which form of the page asked for it."""

    def __init__(self, prefix: str | None, errors: Mapping[str, list[str]]) -> None:
        super().__init__(errors)
        self.prefix, self.errors = prefix, errors


class ServiceForm(_ModelForm):
    """Mixin of model forms whose rows are written by services."""

    request: HttpRequest
    # Names of the services' errors → names of fields here.
    error_fields: Mapping[str, str] = {}

    @property
    def actor(self) -> User:
        return cast(User, self.request.user)

    @property
    def is_new(self) -> bool:
        return bool(self.instance._state.adding)

    def perform(self) -> Any:
        """Write what was typed; the row. Raises AppError."""
        raise NotImplementedError

    def remove(self) -> None:
        """Raises AppError."""
        raise NotImplementedError

    def field_of(self, name: str) -> str | None:
        """The field an error stands beside; None: above the form."""
        own = self.error_fields.get(name, name)
        return own if own in self.fields else None

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        refused = getattr(self.request, _REFUSED, None)
        if refused is not None and refused.prefix == self.prefix:
            for name, messages in refused.errors.items():
                self.add_error(self.field_of(name), messages)


class ReasonField(forms.CharField):
    """Why a page was changed; it stands in the history of everything that was changed on it."""

    def __init__(self) -> None:
        super().__init__(
            label="Why this change?",
            required=False,
            max_length=REASON_MAX_LENGTH,
            widget=TextInput,
            help_text="Optional; it stands in the history beside your name.",
        )


class ServiceInline(TabularInline[Any, Any]):
    """Rows of another table on a page; who may see the page may see those that are theirs.

    Whether a row may be changed is for the services to say.
    """

    extra = 0

    def within(self, request: HttpRequest) -> Q:
        """The rows a manager of groups may see."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        is_free = has_everything(request, self.opts, "view")
        return rows if is_free else rows.filter(self.within(request)).distinct()

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.request = request
        return formset

    def _may(self, request: HttpRequest, verb: str) -> bool:
        return has_everything(request, self.opts, verb) or bool(managed_ids(request))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "add")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "change")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "delete")


class ServiceAdmin(ScopedAdmin):
    """Forms are ServiceForms. A refusal rolls everything back and shows the page again."""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.request = request
        return form

    def get_changelist_form(self, request: HttpRequest, **kwargs: Any) -> Any:
        form: Any = super().get_changelist_form(request, **kwargs)
        form.request = request
        return form

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        parent = super().changeform_view
        with because(request.POST.get("reason")):
            return _again_if_refused(
                request, lambda: parent(request, object_id, form_url, extra_context)
            )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        parent = super().changelist_view
        return _again_if_refused(request, lambda: parent(request, extra_context))

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["people"] = visible_people(request)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            self.require_change(request, obj)
        saved = attempt(form, form.perform)
        obj.pk, obj._state.adding = saved.pk, False
        obj.refresh_from_db()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        formset.new_objects, formset.changed_objects, formset.deleted_objects = [], [], []
        removed = [each for each in formset.deleted_forms if not each.is_new]
        for each in removed:
            attempt(each, each.remove)
            formset.deleted_objects.append(each.instance)
        for each in formset.forms:
            if each in formset.deleted_forms or not each.has_changed():
                continue
            was_new = each.is_new
            saved = attempt(each, each.perform)
            if was_new:
                formset.new_objects.append(saved)
            else:
                formset.changed_objects.append((saved, each.changed_data))


def attempt(form: ServiceForm, act: Callable[[], Any]) -> Any:
    """Raises RefusedChange, also where the actor may not: the page then says so."""
    try:
        return act()
    except InvalidFields as error:
        raise RefusedChange(form.prefix, error.errors) from error
    except (Forbidden, Conflict) as error:
        raise RefusedChange(form.prefix, {WHOLE: [str(error)]}) from error


def _again_if_refused(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        return view()
    except RefusedChange as refused:
        setattr(request, _REFUSED, refused)
        return view()
