"""Files of shared links: routes of coroutine views, because they carry bytes."""

from django.urls import path

from conversations import converters  # noqa: F401 - registers the types in the patterns
from conversations.views import share_files

urlpatterns = [
    path("api/share/<chat_id:share_id>/files/<chat_id:file_id>", share_files.show),
    path("api/share/<chat_id:share_id>/files/<chat_id:file_id>/download", share_files.download),
    path("api/share/<chat_id:share_id>/files/<chat_id:file_id>/preview", share_files.preview),
]
