"""Announcements above the chat."""

from librechat_backend.lib.json import JSONDict
from moving.leaving.leave import Leave, Leaving, Rows
from moving.targets import Id
from presets.models import Banner


def _banners(leave: Leave) -> Rows:
    return Banner.objects.all()


def _banner(banner: Banner, leave: Leave) -> JSONDict:
    return {
        "_id": Id(banner.pk),
        "bannerId": banner.banner_id,
        "message": banner.message,
        "displayFrom": banner.display_from,
        "displayTo": banner.display_to,
        "type": banner.kind,
        "isPublic": banner.is_public,
        "persistable": banner.is_persistent,
        "createdAt": banner.created_at,
        "updatedAt": banner.updated_at,
        "__v": 0,
    }


BANNERS = Leaving("banners", _banners, _banner)
