"""The admin site: names and order a person who does not program understands."""

from django.contrib import admin

site = admin.site
site.site_header = site.site_title = "LibreChat administration"
site.index_title = "What would you like to do?"
