"""Which deadlines run for a request, how much time is left, and the calendar of what is due."""
