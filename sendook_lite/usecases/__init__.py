"""What the product does, told in terms of the store and the domain."""
