"""Helpers of tests and benchmarks: photographs, films, a web site, servers, a post office."""
