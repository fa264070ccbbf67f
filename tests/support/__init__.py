"""What several tests and benchmarks share: speech, random models, servers, fixtures on disk."""
