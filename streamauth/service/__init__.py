"""The application object: joins store, engines and sessions, one module for each concern."""
