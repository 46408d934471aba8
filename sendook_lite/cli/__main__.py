"""Lets ``python -m sendook_lite.cli`` do what ``sendook-lite`` does."""

from sendook_lite.cli import main

if __name__ == "__main__":
    main()
