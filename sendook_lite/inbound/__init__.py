"""The doors for mail and events: LMTP and the event socket."""
