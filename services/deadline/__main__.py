"""`python -m services.deadline`: read the settings and serve."""

from services.deadline.app import build
from services.deadline.settings import DeadlineSettings
from shared.app import serve
from shared.settings import load

if __name__ == "__main__":
    settings = load(DeadlineSettings)
    serve(build(settings), settings)
