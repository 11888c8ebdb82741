"""What must outlive the process, in one SQLite file: today which agents are expected, and how often each restarted."""

from telemetry.store.store import RememberedAgent, RestartRecord, Store, StoreError

__all__ = ["RememberedAgent", "RestartRecord", "Store", "StoreError"]
