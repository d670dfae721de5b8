"""Bodies of requests and responses, one module per subject. Unknown fields are refused."""
