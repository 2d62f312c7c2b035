"""What the collections hold, in words of people who never saw a database. Pure."""

LABELS = {
    "users": "People",
    "roles": "Roles",
    "groups": "Groups",
    "conversations": "Chats",
    "messages": "Messages",
    "presets": "Presets people saved",
    "conversationtags": "Bookmarks",
    "chatprojects": "Projects",
    "files": "Files",
    "file bytes": "Contents of files",
    "sharedlinks": "Shared links",
    "prompts": "Versions of prompts",
    "promptgroups": "Prompts",
    "memoryentries": "Memories",
    "toolfavorites": "Pinned tools",
    "pluginauths": "Keys people entered for tools",
    "keys": "Keys people entered for models",
    "aclentries": "Who may use what",
    "agents": "Agents",
    "actions": "Actions of agents",
    "agentapikeys": "Keys of the agents API",
    "agentcategories": "Categories of agents",
    "assistants": "Assistants",
    "mcpservers": "MCP servers",
    "schedules": "Scheduled tasks",
    "skills": "Skills",
    "skillfiles": "Files of skills",
    "toolcalls": "Results of code that was run",
    "banners": "Announcements",
    "balances": "Credits",
    "transactions": "History of credits",
    "configs": "Settings of administrators",
}


def label(collection: str) -> str:
    """The name itself where there is no better one."""
    return LABELS.get(collection, collection)
