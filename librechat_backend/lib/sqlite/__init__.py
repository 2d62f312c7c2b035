"""Django's backend of SQLite, with what it gets wrong put right: see base.py."""
