"""The admin's building blocks. The only import site of the theme, django-unfold."""

from typing import TYPE_CHECKING, Any

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
        Textarea,
        TextInput,
    )
    from django.forms import CheckboxInput as Switch
else:
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
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea
    from unfold.widgets import UnfoldAdminTextInputWidget as TextInput
    from unfold.widgets import UnfoldBooleanSwitchWidget as Switch
    from unfold.widgets import UnfoldBooleanWidget as CheckboxInput

    class _Generic:
        """Lets ``ModelAdmin[User]`` be written, as the type checker wants it."""

        def __class_getitem__(cls, item: Any) -> type:
            return cls

    class ModelForm(_Generic, DjangoModelForm):
        pass

    class ModelAdmin(_Generic, UnfoldModelAdmin):
        pass

    class TabularInline(_Generic, UnfoldTabularInline):
        pass

    class StackedInline(_Generic, UnfoldStackedInline):
        pass


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
    "StackedInline",
    "Switch",
    "TabularInline",
    "TextInput",
    "Textarea",
    "UserChangeForm",
    "UserCreationForm",
]
