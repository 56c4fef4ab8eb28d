"""The application object that joins store, engines and sessions, one module for each concern."""
