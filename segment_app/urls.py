"""Every page. Ingest paths (`/v1/...`) never get here: `segment_app.wsgi` answers them first."""

from django.contrib import admin
from django.urls import include, path

from destinations.views import decrypting

admin.autodiscover()

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("workspaces.urls.site")),
    path("decrypt", decrypting.page, name="decrypt"),
    path("<slug:workspace_slug>/", include("workspaces.urls.workspace")),
    path("<slug:workspace_slug>/", include("destinations.urls")),
    path("<slug:workspace_slug>/", include("privacy.urls")),
    path("<slug:workspace_slug>/", include("audit.urls")),
]

handler400 = "workspaces.views.errors.bad_request"
handler500 = "workspaces.views.errors.server_error"
