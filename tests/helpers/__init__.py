"""What tests and benchmarks share: photographs, a small web site, servers, a mail drop."""
