"""The deadlines that the code starts clocks for, by their ids in the law data."""

TIMELY = "dsa-timely"
"""The platform's answer to a notice under Article 16 of the Digital Services Act."""

US_REQUEST = "us-request"
"""Removal after a request under the TAKE IT DOWN Act."""

ORDER = "be-order"
"""Removal after a Belgian removal order was served."""

COMPLAINT = "dsa-complaint"
"""An internal complaint under Article 20 of the Digital Services Act."""
