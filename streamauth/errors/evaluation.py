"""Errors of measuring the product on recordings."""

from streamauth.errors.base import InputError


class BadTrialList(InputError):
    """The list of trials cannot be used."""


class ExtraMissing(InputError):
    """A package that only some commands need is not installed."""


class TooFewRecordings(InputError):
    """There are too few recordings to calibrate with."""
