"""How platforms handle requests: figures from recorded steps, drawings, files and a report."""
