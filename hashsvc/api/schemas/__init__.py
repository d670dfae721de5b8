"""What goes in and out of the API, a module for each kind of thing; unknown fields are refused."""
