"""A kiosk at a door: listens, decides through the same sessions as every entrance, and works the door.

Data path: microphone -> **visit** -> gate -> keeper (door, relay) -> outbox -> outputs. The screen only shows.
"""
