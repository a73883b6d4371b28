"""`manage.py sealer`: seal the audit log until told to stop."""

import signal
from types import FrameType
from typing import Any

from django.core.management import BaseCommand

from audit.proof.sealer import Sealer


class Command(BaseCommand):
    """Run the sealer. A second one does no harm: one seals at a time."""

    help = "Seal new rows of the audit log within seconds and sign a checkpoint every hour, until SIGTERM or Ctrl-C."

    def handle(self, *_: Any, **__: Any) -> None:
        sealer = Sealer()

        def stop(_number: int, _frame: FrameType | None) -> None:
            sealer.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        sealer.run()
