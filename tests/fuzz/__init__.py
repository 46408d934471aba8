"""Coverage-guided fuzzing of everything that reads bytes of strangers: `make fuzz SECONDS=60`.

Each target is a module with two functions: `corpus` yields the inputs to start from, `one` reads
one input and raises where a promise is broken. `run` starts them all under atheris; the test suite
calls them on their corpus, so that they do not rot.
"""
