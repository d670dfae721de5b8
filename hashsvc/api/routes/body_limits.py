"""The largest body of each call, in bytes, so that nobody can make the service parse more."""

NO_BODY = 1_000
"""The limit of calls that take no body. Some clients send `{}` with every call."""

SMALL = 32_000
"""The limit of a call with a body that MOST_BYTES does not name. The longest text in
such a body has 2,000 characters, and JSON may write a character in twelve bytes."""

# A region signal takes 99 bytes of JSON, and a content has up to 103 signals.
_CONTENT = 12_000
# A lookup has up to 4,100 region signals: see `hashsvc/api/schemas/signatures.py`.
_LOOKUP = 600_000
_HOLDER = 2_000

URLS = ("POST", "/v1/scans")
"""The call that takes lists of URLs. HASHSVC_MAX_BODY_BYTES is its limit."""

MOST_BYTES = {
    ("POST", "/v1/holder/state"): _HOLDER,
    ("POST", "/v1/holder/withdraw"): _HOLDER,
    ("POST", "/v1/holder/renew"): _HOLDER,
    # Nobody needs a key for this call, so the limit is 25 contents, although the schema takes 100.
    ("POST", "/v1/holder/contents"): 25 * _CONTENT,
    ("POST", "/v1/cases/{number}/contents"): 100 * _CONTENT,
    ("POST", "/v1/lookups"): _LOOKUP,
    ("POST", "/v1/lists/common/images"): _LOOKUP,
    ("POST", "/v1/lists/protected/images"): _LOOKUP,
    ("POST", "/v1/comparisons"): 2 * _LOOKUP,
    # An order has up to twenty elements of 200 characters, and an explanation.
    ("POST", "/v1/removal-requests/{request}/orders"): 100_000,
    # A platform has up to hundreds of hosts, and twenty channels with notes of 2,000 characters.
    ("PUT", "/v1/platforms/{platform}"): 300_000,
}
"""The limits that are neither NO_BODY nor SMALL, by method and path."""
