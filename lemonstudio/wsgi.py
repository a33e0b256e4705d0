"""The WSGI entry point for gunicorn or any other server. Without LEMONSTUDIO_ENV this is a production start."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lemonstudio.settings")

application = get_wsgi_application()
