"""Where a door's decisions and events go: the lock itself, and whoever is to be told."""
