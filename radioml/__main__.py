"""`python -m radioml`: the same as the `radioml` command."""

from radioml.cli import main

if __name__ == "__main__":  # the processes of a simulation import this module anew
    main()
