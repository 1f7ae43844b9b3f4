"""The HTTP of deadline: a file a resource."""
