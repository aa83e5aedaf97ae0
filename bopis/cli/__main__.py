"""`python -m bopis.cli`."""

from bopis.cli import app

if __name__ == "__main__":
    app(prog_name="bopis")
