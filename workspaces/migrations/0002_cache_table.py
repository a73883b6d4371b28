"""The table behind the shared cache, so that `migrate` alone makes a database complete."""

from django.core.management import call_command
from django.db import migrations


def create_cache_table(apps, editor):
    call_command("createcachetable", database=editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):

    dependencies = [("workspaces", "0001_initial")]

    operations = [migrations.RunPython(create_cache_table, migrations.RunPython.noop)]
