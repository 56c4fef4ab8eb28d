"""Our Azure routes against the Speech SDK for JavaScript."""
