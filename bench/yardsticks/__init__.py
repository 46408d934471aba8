"""What the product is compared with: small programs, run as processes, told by lines when to go."""
