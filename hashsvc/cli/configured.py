"""The settings, for the commands that run on the service's own machine."""

from pydantic import ValidationError

from hashsvc.cli.output import fail
from hashsvc.settings import Settings


def read_settings() -> Settings:
    """Return the settings; a wrong one ends the command with its name and its rule."""
    try:
        return Settings()
    except ValidationError as error:
        # Values are not repeated: one of them may hold a password.
        wrong = error.errors(include_input=False, include_url=False)
        rules = (f"HASHSVC_{str(each['loc'][0]).upper()}: {each['msg']}." for each in wrong)
        fail(" ".join(rules))
