"""Routes below ``api/``: keys, for who is signed in. The API itself is in application.py."""

from django.urls import path

from gateway.console import views as console
from gateway.views import keys

urlpatterns = [
    path("api-keys", keys.Keys.as_view()),
    path("api-keys/<str:token_id>", keys.Key.as_view()),
    path("user/register", console.Register.as_view()),
    path("user/login", console.Login.as_view()),
    path("user/self", console.Self.as_view()),
    path("token", console.Tokens.as_view()),
    path("token/<str:token_id>", console.Token.as_view()),
    path("channel", console.Channels.as_view()),
    path("channel/<str:channel_id>", console.ChannelDetail.as_view()),
    path("channel/<str:channel_id>/test", console.ChannelTest.as_view()),
    path("channel/<str:channel_id>/fetch-models", console.ChannelModels.as_view()),
    path("channel/<str:channel_id>/enable", console.ChannelSwitch.as_view()),
    path("channel/<str:channel_id>/disable", console.ChannelSwitch.as_view(is_on=False)),
]
