"""What leaves besides webhooks: mail through the relay, and alerts to the operator."""
