"""Programs that attack: fuzzing of every entrance, and processes killed at random points."""
