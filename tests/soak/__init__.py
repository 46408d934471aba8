"""Lets the whole server, its load and its broken endpoints live through hours in minutes."""
