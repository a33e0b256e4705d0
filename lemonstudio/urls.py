from django.contrib import admin
from django.urls import include, path

from gallery.web import health

handler400 = "gallery.views.errors.bad_request"

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    # Before the admin, whose sign-in page is replaced by the studio's.
    path("", include("gallery.urls")),
    path("admin/", admin.site.urls),
]
