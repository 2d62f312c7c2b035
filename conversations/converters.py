"""Types of the parts of paths."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class ChatIdConverter(StringConverter):
    """Any id without NUL, which PostgreSQL cannot even compare."""

    regex = "[^/\x00]+"


class TagConverter(StringConverter):
    """The name of a tag, in which anything may be but NUL."""

    regex = "[^\x00]+"


register_converter(ChatIdConverter, "chat_id")
register_converter(TagConverter, "tag")
