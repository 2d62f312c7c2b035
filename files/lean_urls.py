"""Routes of coroutine views: whatever carries bytes, and what shares its address."""

from django.urls import path

from files.views import direct, downloads, uploads

urlpatterns = [
    path("api/files", uploads.files),
    path("api/files/images", uploads.images),
    path("api/files/images/avatar", uploads.avatar),
    path("api/files/uploads", direct.begin),
    path("api/files/uploads/finish", direct.finish),
    path("api/files/download/<str:user_id>/<str:file_id>", downloads.download),
    path("api/files/download-url/<str:user_id>/<str:file_id>", downloads.download_url),
    path("images/<str:user_id>/<str:name>", downloads.image),
]
