"""How the models, constants, fixtures and figures of the project are made."""
