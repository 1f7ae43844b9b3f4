"""`python -m services.reporting`."""

from services.reporting.app import build
from services.reporting.settings import ReportingSettings
from shared.app import serve
from shared.settings import load


def main() -> None:
    settings = load(ReportingSettings)
    serve(build(settings), settings)


if __name__ == "__main__":
    main()
