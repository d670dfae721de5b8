"""
Notices and annexes to court orders: their facts, templates and file formats.

The formats are text, HTML, PDF, e-mail, JSON, X-ARF and CSV.
"""
