"""Kills the installed program again and again under load, and then audits what became of it all."""
