"""Django's backend of PostgreSQL, whose connections are looked at before use: see base.py."""
