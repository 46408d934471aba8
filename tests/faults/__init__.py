"""Faults of the disk, the network and other programs, done to the installed program."""
