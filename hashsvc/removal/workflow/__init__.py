"""What moves a removal request: raising, sending, answers, remedies and scheduled re-checks."""
