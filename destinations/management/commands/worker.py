"""`manage.py worker`: deliver events until told to stop."""

import signal
from types import FrameType
from typing import Any

from django.core.management import BaseCommand

from destinations.pipeline.worker import Worker


class Command(BaseCommand):
    """Run one worker process; any number may run side by side."""

    help = "Read the event log and deliver to destinations until SIGTERM or Ctrl-C. Run as many as there are cores."

    def handle(self, *_: Any, **__: Any) -> None:
        worker = Worker()

        def stop(_number: int, _frame: FrameType | None) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        worker.run()
