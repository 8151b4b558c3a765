"""What outlives the process: rooms, and who was let into them. No names, no media."""

from vpaas_api.store.models import JoinRow, RoomRow
from vpaas_api.store.queries import ExternalIdTakenError, Store

__all__ = ["ExternalIdTakenError", "JoinRow", "RoomRow", "Store"]
