"""Django's administration with the studio's own site."""

from django.contrib.admin.apps import AdminConfig


class StudioAdminConfig(AdminConfig):
    default_site = "gallery.web.admin_site.StudioAdminSite"
