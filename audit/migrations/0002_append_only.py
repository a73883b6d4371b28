"""The database itself refuses to change or remove audit rows."""

from django.db import migrations

from audit import append_only


class Migration(migrations.Migration):

    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunPython(
            lambda apps, editor: append_only.install(editor), lambda apps, editor: append_only.remove(editor)
        )
    ]
