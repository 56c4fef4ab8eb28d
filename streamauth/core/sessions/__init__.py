"""One session a mode: audio in, events out."""
