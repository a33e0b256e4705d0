from django.contrib import admin
from django.urls import include, path

handler400 = "gallery.views.errors.bad_request"

urlpatterns = [
    # Before the admin, whose sign-in page is replaced by the studio's.
    path("", include("gallery.urls")),
    path("admin/", admin.site.urls),
]
