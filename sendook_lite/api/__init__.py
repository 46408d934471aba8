"""The management API: the v1 URLs of Sendook over HTTP."""
