"""`python -m lpforwarder` is the same command as `lpforwarder`."""

from lpforwarder.cli import main

if __name__ == "__main__":
    main()
