from django.contrib import admin
from django.urls import include, path

handler400 = "gallery.views.errors.bad_request"

urlpatterns = [
    # Before the admin, because the studio's sign-in page replaces the admin's.
    path("", include("gallery.urls")),
    path("admin/", admin.site.urls),
]
