"""From the rooms' own dataclasses to what a shard stores."""
