"""The HIPAA audit log."""

from django.urls import URLPattern, path

from audit import views

urlpatterns: list[URLPattern] = [
    path("settings/audit-log", views.audit_log, name="audit_log"),
    path("settings/audit-log.csv", views.audit_log_csv, name="audit_log_csv"),
]
