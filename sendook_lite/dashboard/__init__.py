"""The dashboard: pages rendered here, changes made through the v1 API with the session's key."""
