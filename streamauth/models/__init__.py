"""Getting models: download, unpacking, installing, adding one's own, and how fast they are."""
