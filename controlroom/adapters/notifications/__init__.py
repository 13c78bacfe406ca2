"""Notifications of alarms to people who are elsewhere: planned by the core, kept by PostgreSQL, sent by Apprise."""
