"""The admin's building blocks. The only import site of the theme, django-unfold."""

from typing import TYPE_CHECKING, Any

MOST_CREDITS = 10**15  # 1,000,000,000 USD

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite, ModelAdmin, StackedInline, TabularInline
    from django.contrib.admin.forms import AdminAuthenticationForm as AuthenticationForm
    from django.contrib.admin.views.main import ChangeList
    from django.contrib.auth.forms import (
        AdminPasswordChangeForm,
        UserChangeForm,
    )
    from django.contrib.auth.forms import (
        AdminUserCreationForm as UserCreationForm,
    )
    from django.forms import (
        CheckboxInput,
        CheckboxSelectMultiple,
        ModelForm,
        NumberInput,
        PasswordInput,
        Select,
        SelectMultiple,
        Textarea,
        TextInput,
    )
    from django.forms import CheckboxInput as Switch
else:
    from django.contrib.admin.utils import flatten_fieldsets
    from django.db.models import BigIntegerField
    from django.forms import ModelForm as DjangoModelForm
    from unfold.admin import ModelAdmin as UnfoldModelAdmin
    from unfold.admin import StackedInline as UnfoldStackedInline
    from unfold.admin import TabularInline as UnfoldTabularInline
    from unfold.forms import (
        AdminPasswordChangeForm,
        AuthenticationForm,
        UserChangeForm,
        UserCreationForm,
    )
    from unfold.sites import UnfoldAdminSite as AdminSite
    from unfold.views import ChangeList
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
    from unfold.widgets import UnfoldAdminDecimalFieldWidget as NumberInput
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminSelect2MultipleWidget as SelectMultiple
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanSwitchWidget as Switch
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    from librechat_backend.lib.formsets import BoundedFormSet
    from librechat_backend.lib.pickers import Pickers

    class _Generic:
        """Lets ``ModelAdmin[User]`` be written, as the type checker wants it."""

        def __class_getitem__(cls, item: Any) -> type:
            return cls

    class ModelForm(_Generic, DjangoModelForm):
        pass

    class ModelAdmin(_Generic, Pickers, UnfoldModelAdmin):
        def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
            """Of its own columns a list is filtered by those its pages show: by a column that is
            hidden, a filter such as ``text__startswith`` would tell letter by letter what is in it.
            """
            hidden = _columns(self.model) - _shown(self) - {*self.filtered_by}
            is_hidden = lookup.partition("__")[0] in hidden
            is_asked = not is_hidden and _can_be_asked(lookup, value)
            return is_asked and super().lookup_allowed(lookup, value, request)

        def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
            """A sum of what columns of credits hold at most fits no column."""
            if isinstance(db_field, BigIntegerField):
                kwargs.setdefault("max_value", MOST_CREDITS)
            return super().formfield_for_dbfield(db_field, request, **kwargs)

        # Columns of lists elsewhere that lead here.
        filtered_by: tuple[str, ...] = ()

    def _can_be_asked(lookup: str, value: str) -> bool:
        """A year Python has no moments of ends Django's own filter with an error."""
        if not {"year", "iso_year"} & {*lookup.split("__")}:
            return True
        return value.isascii() and value.isdigit() and len(value) <= 4 and int(value) > 0

    def _columns(model: Any) -> set[str]:
        """Those that are no relations and no keys."""
        fields = (each for each in model._meta.concrete_fields if not each.is_relation)
        return {each.name for each in fields if not each.primary_key}

    def _shown(page: ModelAdmin) -> set[str]:
        """What its lists and pages say themselves they show; not what they work out for a row."""
        listed = [each for each in page.list_filter if isinstance(each, str)]
        listed += [each[0] for each in page.list_filter if isinstance(each, tuple)]
        computed = (each for each in page.list_filter if hasattr(each, "parameter_name"))
        fields = [*(page.fields or ()), *flatten_fieldsets(page.fieldsets or ())]
        named = (*page.list_display, *listed, *fields, page.date_hierarchy)
        return {*filter(None, named), *(each.parameter_name for each in computed)}

    class TabularInline(_Generic, Pickers, UnfoldTabularInline):
        formset = BoundedFormSet

    class StackedInline(_Generic, Pickers, UnfoldStackedInline):
        formset = BoundedFormSet


__all__ = [
    "AdminPasswordChangeForm",
    "AdminSite",
    "AuthenticationForm",
    "ChangeList",
    "CheckboxInput",
    "CheckboxSelectMultiple",
    "ModelAdmin",
    "ModelForm",
    "NumberInput",
    "PasswordInput",
    "Select",
    "SelectMultiple",
    "StackedInline",
    "Switch",
    "TabularInline",
    "TextInput",
    "Textarea",
    "UserChangeForm",
    "UserCreationForm",
]
