from django.contrib import admin
from django.urls import include, path

from gallery import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("admin/", admin.site.urls),
    path("", include("gallery.urls")),
]
