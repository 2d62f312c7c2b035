"""Speech: routes of coroutine views."""

from django.urls import path

from conversations.views import speech

urlpatterns = [
    path("api/files/speech/config/get", speech.config),
    path("api/files/speech/stt", speech.recognize),
    path("api/files/speech/tts", speech.read_message),
    path("api/files/speech/tts/manual", speech.read_text),
    path("api/files/speech/tts/voices", speech.voices),
]
