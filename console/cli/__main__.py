"""``python -m console.cli`` is the program ``gongkai``."""

from console.cli import main

if __name__ == "__main__":
    main()
