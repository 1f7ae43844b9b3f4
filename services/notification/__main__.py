"""`python -m services.notification`: read the settings and serve."""

from services.notification.app import build
from services.notification.settings import NotificationSettings
from shared.app import serve
from shared.settings import load

if __name__ == "__main__":
    settings = load(NotificationSettings)
    serve(build(settings), settings)
