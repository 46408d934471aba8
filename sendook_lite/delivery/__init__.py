"""From due rows to signed HTTP requests and their recorded outcomes."""
