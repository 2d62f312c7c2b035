"""Paths below /api."""

from django.urls import path

from conversations import converters  # noqa: F401 - registers the types in the patterns
from conversations.views import conversations, copies, messages, projects, search, tags

urlpatterns = [
    path("convos", conversations.ConversationsView.as_view()),
    path("convos/all", conversations.AllConversationsView.as_view()),
    path("convos/update", conversations.RenameView.as_view()),
    path("convos/archive", conversations.ArchiveView.as_view()),
    path("convos/archive/all", conversations.ArchiveAllView.as_view()),
    path("convos/pin", conversations.PinView.as_view()),
    path("convos/fork", copies.ForkView.as_view()),
    path("convos/duplicate", copies.DuplicateView.as_view()),
    path("convos/<chat_id:conversation_id>", conversations.ConversationView.as_view()),
    path("search/enable", search.SearchEnabledView.as_view()),
    path("messages", search.MessageSearchView.as_view()),
    path("messages/branch", messages.BranchView.as_view()),
    path("messages/artifact/<chat_id:message_id>", messages.ArtifactView.as_view()),
    path("messages/<chat_id:conversation_id>", messages.MessagesView.as_view()),
    path("messages/<chat_id:conversation_id>/<chat_id:message_id>", messages.MessageView.as_view()),
    path(
        "messages/<chat_id:conversation_id>/<chat_id:message_id>/feedback",
        messages.FeedbackView.as_view(),
    ),
    path("tags", tags.TagsView.as_view()),
    path("tags/convo/<chat_id:conversation_id>", tags.ConversationTagsView.as_view()),
    path("tags/<tag:name>", tags.TagView.as_view()),
    path("projects", projects.ProjectsView.as_view()),
    path(
        "projects/conversations/<chat_id:conversation_id>",
        projects.ConversationProjectView.as_view(),
    ),
    path("projects/<chat_id:project_id>", projects.ProjectView.as_view()),
]
