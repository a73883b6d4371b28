"""The worker and its receivers, as the pipeline's tests have them."""

from tests.destinations.pipeline.conftest import another, destination, own_log, receiver, worker

__all__ = ["another", "destination", "own_log", "receiver", "worker"]
