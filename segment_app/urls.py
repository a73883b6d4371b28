"""Every page. Ingest paths (`/v1/...`) never get here: `segment_app.wsgi` answers them first."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("workspaces.urls.site")),
    path("<slug:workspace_slug>/", include("workspaces.urls.workspace")),
    path("<slug:workspace_slug>/", include("destinations.urls")),
    path("<slug:workspace_slug>/", include("audit.urls")),
]
