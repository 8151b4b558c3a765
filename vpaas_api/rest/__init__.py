"""The REST API: a file for each resource, each with the list of its operations."""
