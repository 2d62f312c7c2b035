"""The admin's building blocks. The only import site of the theme, django-unfold."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite, ModelAdmin, StackedInline, TabularInline
    from django.contrib.admin.forms import AdminAuthenticationForm as AuthenticationForm
    from django.contrib.auth.forms import (
        AdminPasswordChangeForm,
        UserChangeForm,
    )
    from django.contrib.auth.forms import (
        AdminUserCreationForm as UserCreationForm,
    )
    from django.forms import (
        CheckboxSelectMultiple,
        ModelForm,
        PasswordInput,
        Select,
        Textarea,
    )
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
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as CheckboxSelectMultiple
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminSelectWidget as Select
    from unfold.widgets import UnfoldAdminTextareaWidget as Textarea

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
    "CheckboxSelectMultiple",
    "ModelAdmin",
    "ModelForm",
    "PasswordInput",
    "Select",
    "StackedInline",
    "TabularInline",
    "Textarea",
    "UserChangeForm",
    "UserCreationForm",
]
