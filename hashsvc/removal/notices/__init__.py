"""
The documents that ask for removal: their fields, their words and their forms.

The forms are text, HTML, PDF, mail, JSON, X-ARF and CSV.
"""
