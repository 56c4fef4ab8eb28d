"""Where a door's decisions and events go: to the lock, and to those who are told."""
