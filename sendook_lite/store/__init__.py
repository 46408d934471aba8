"""SQLite: one writer, a few readers, and the only place with SQL."""
