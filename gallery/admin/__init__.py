"""The administration, a module for each noun."""

from django.contrib import admin

from gallery.admin import account, catalogue, galleries, money, people, pictures, templates
from gallery.admin import downloads as packages
from gallery.admin import share_links as links

__all__ = ["account", "catalogue", "galleries", "links", "money", "packages", "people", "pictures", "templates"]

admin.site.site_header = "Lemon Studio"
admin.site.site_title = "Lemon Studio administration"
admin.site.index_title = "Administration"
