"""The HIPAA audit log."""

from django.urls import URLPattern, path

from audit.views import files, log, progress, retention, rows

urlpatterns: list[URLPattern] = [
    path("settings/audit-log", log.audit_log, name="audit_log"),
    path("settings/audit-log-evidence.zip", files.audit_evidence, name="audit_evidence"),
    path("settings/audit-log.csv", files.audit_log_file, {"form": "csv"}, name="audit_log_csv"),
    path("settings/audit-log.ndjson", files.audit_log_file, {"form": "ndjson"}, name="audit_log_ndjson"),
    path("settings/audit-log/downloads/<uuid:download_id>", progress.audit_download, name="audit_download"),
    path(
        "settings/audit-log/downloads/<uuid:download_id>/cancel",
        progress.audit_download_cancel,
        name="audit_download_cancel",
    ),
    path("settings/audit-log/new", log.audit_log_new, name="audit_log_new"),
    path("settings/audit-log/rows/<uuid:row_id>", rows.audit_row, name="audit_row"),
    path("settings/audit-log/rows/<uuid:row_id>/proof.json", rows.audit_row_proof, name="audit_row_proof"),
    path("settings/audit-trail", log.audit_trail, name="audit_trail"),
    path("settings/audit-log/retention", retention.audit_retention, name="audit_retention"),
    path("settings/audit-log/coverage", log.audit_coverage, name="audit_coverage"),
]
