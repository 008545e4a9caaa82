"""Offline HTML pages: they read what others wrote, and need neither network nor scripts."""
