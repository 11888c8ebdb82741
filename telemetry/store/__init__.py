"""What must outlive the process, in one SQLite file: expected agents and their restarts, alerts, what is to be told."""

from telemetry.store.alerts import AlertStore
from telemetry.store.database import MEMORY, BegunAnewError, Database, StoreError, set_aside
from telemetry.store.store import RememberedAgent, RestartRecord, Store
from telemetry.store.values import Changes, HistoryQuery, Kept, QueuedMessage, QueuedNotice, Told, ToldKey

__all__ = [
    "MEMORY",
    "AlertStore",
    "BegunAnewError",
    "Changes",
    "Database",
    "HistoryQuery",
    "Kept",
    "QueuedMessage",
    "QueuedNotice",
    "RememberedAgent",
    "RestartRecord",
    "Store",
    "StoreError",
    "Told",
    "ToldKey",
    "set_aside",
]
